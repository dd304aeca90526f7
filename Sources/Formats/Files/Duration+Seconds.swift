// Spans of time as numbers.

extension Duration {
    /// The span in seconds.
    public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

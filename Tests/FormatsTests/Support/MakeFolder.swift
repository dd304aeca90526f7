// mkdtemp for tests; apart because Glibc's names collide with FoundationEssentials'.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Creates the folder of a template that ends in XXXXXX and returns its name.
func makeFolder(_ template: UnsafeMutableBufferPointer<CChar>) -> String? {
    guard let base = template.baseAddress, mkdtemp(base) != nil else { return nil }
    return String(cString: base)
}

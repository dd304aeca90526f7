// Which oneDNN runs the networks, and with which of the processor's instructions.

import COneDNN

/// What oneDNN says of itself on this machine.
public enum KernelFacts {
    /// The version of the library that is loaded, such as "2.6.3".
    public static var version: String {
        let number = Int(CDNN_version())
        return "\(number / 10_000).\(number / 100 % 100).\(number % 100)"
    }

    /// Floats in a vector register of the instruction set in use: 16 (AVX-512), 8 (AVX2) or 4.
    public static var vectorWidth: Int { Int(CDNN_vector_width()) }

    /// The instruction set in use, in words.
    public static var instructionSet: String {
        switch vectorWidth {
        case 16: "AVX-512"
        case 8: "AVX2"
        default: "SSE 4.1 or older"
        }
    }
}

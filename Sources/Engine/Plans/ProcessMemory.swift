// How the process treats freed memory: a choice for programs, never made by the library itself.

import CKernels

/// Memory settings of the whole process.
public enum ProcessMemory {
    /// Keeps freed blocks of any size for reuse instead of returning them to the system.
    ///
    /// Every batch hands out large feature maps. Without this each of them is mapped and zeroed by the kernel anew, which
    /// was measured to cost a tenth of a ResNet-50 forward pass. Peak memory is the same. Call it once at the start of a
    /// program; it does nothing where the C library is not glibc.
    public static func keepFreed() { CK_keep_freed_memory() }
}

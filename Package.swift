// swift-tools-version: 6.2
// Ripe: chooses, converts and fine-tunes pretraining checkpoints for medical image segmentation.
//
// Modules point one way: System <- Formats <- Engine <- Analyzer <- tools. The tools' code is the library Commands, which the
// program `ripe` and the shared library libripe.so have in common.
//
// Dependencies, each with its reason:
// - swift-argument-parser (tools only): usage errors, --help and completions that users expect.
// - libhdf5: Keras files are HDF5; a reader of our own would trail the format (chunks, filters, v2 groups).
// - libpng: PNG of every depth and colour type, hardened by two decades of fuzzing.
// - CKernels (ours): small loops that need one function compiled for several instruction sets.
// - libdeflate: inflates whole buffers (.nii.gz, zip members), 2-3x zlib.
// - ISA-L: compresses .nii.gz 4x as fast as zlib's fastest level, and smaller; CRC-32. It cannot replace libdeflate,
//   which inflates most data faster.
// - swift-mustache (Analyzer only): the HTML report's template; it escapes what it inserts, which names from files need.
// - oneDNN (libdnnl): convolution and matrix kernels with blocked layouts and fused post-operations.
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "ripe",
    products: [
        .library(name: "Formats", targets: ["Formats"]),
        .library(name: "Engine", targets: ["Engine"]),
        .library(name: "Analyzer", targets: ["Analyzer"]),
        .executable(name: "ripe", targets: ["ripe"]),
        // Becomes libripe.so (`make plugin`); two products of one name are not allowed.
        .library(name: "ripe-plugin", type: .dynamic, targets: ["Commands"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    ],
    targets: [
        .systemLibrary(name: "CHDF5", path: "Sources/System/CHDF5", pkgConfig: "hdf5"),
        .systemLibrary(name: "CDeflate", path: "Sources/System/CDeflate"),
        .target(
            name: "CPNG", path: "Sources/System/CPNG",
            linkerSettings: [.linkedLibrary("png16")]),
        .target(name: "CISAL", path: "Sources/System/CISAL", linkerSettings: [.linkedLibrary("isal")]),
        .target(
            name: "COneDNN", path: "Sources/System/COneDNN",
            linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp")]),
        .target(name: "CKernels", path: "Sources/System/CKernels", cSettings: [.define("NDEBUG")]),
        .target(
            name: "Formats", dependencies: ["CHDF5", "CDeflate", "CISAL", "CPNG"], swiftSettings: strict),
        .target(
            name: "Engine", dependencies: ["Formats", "COneDNN", "CKernels"], swiftSettings: strict),
        .target(
            name: "Analyzer",
            dependencies: [
                "Engine", "Formats", "CKernels", .product(name: "Mustache", package: "swift-mustache"),
            ],
            swiftSettings: strict),
        // The header of libripe.so, which its Swift side is compiled against.
        .systemLibrary(name: "CRipe", path: "Sources/tools/plugin/include"),
        .target(
            name: "Commands",
            dependencies: [
                "Analyzer", "Engine", "Formats", "CRipe",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/tools", exclude: ["main", "plugin/include", "plugin/python"],
            sources: ["ripe", "plugin/library"], swiftSettings: strict),
        .executableTarget(
            name: "ripe", dependencies: ["Commands"], path: "Sources/tools/main", swiftSettings: strict),
        .target(
            name: "TestSupport", dependencies: ["Engine", "Formats"], path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(
            name: "FormatsTests", dependencies: ["Formats", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "EngineTests", dependencies: ["Engine", "Formats", "TestSupport", "CKernels", "COneDNN"],
            swiftSettings: strict),
        .testTarget(
            name: "AnalyzerTests", dependencies: ["Analyzer", "Engine", "Formats", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ToolTests",
            dependencies: [
                "TestSupport", "Analyzer", "Engine", "Formats", "Commands", "ripe",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c11
)

// What a volume's file says besides its voxels and where they lie; kept so that a rewrite loses nothing.

/// Facts of a NIfTI or Analyze header that are carried along unchanged.
public struct VolumeHeader: Sendable, Hashable {
    /// The header's kind.
    public var format: VolumeFormat = .nifti1
    /// Whether header and voxels lie in two files.
    public var isPair = false
    /// Whether the file was compressed with gzip.
    public var isCompressed = false
    /// Whether the file's numbers were big-endian. Voxels in memory never are.
    public var isBigEndian = false
    /// The `datatype` code as stored.
    public var datatype = 0
    /// Where the voxels begin in their (inflated) file.
    public var voxelOffset = 0
    /// `pixdim[1...7]` as stored.
    public var pixdim = [Double](repeating: 0, count: 7)
    /// The unit of lengths in the file.
    public var spaceUnit = SpaceUnit.millimetre
    /// The unit of the fourth axis.
    public var timeUnit = TimeUnit.second
    /// `toffset`: where the fourth axis begins.
    public var timeOffset = 0.0
    /// `descrip`, up to 80 bytes.
    public var description = HeaderText(bytes: [])
    /// `aux_file`, up to 24 bytes.
    public var auxFile = HeaderText(bytes: [])
    /// What the values mean.
    public var intent = Intent()
    /// `dim_info`: which axes are frequency, phase and slice encoding (two bits each).
    public var dimInfo: UInt8 = 0
    /// Slice timing.
    public var slices = SliceTiming()
    /// `cal_min` and `cal_max`: the display range that the writer suggests.
    public var displayRange = DisplayRange()
    /// Blocks between header and voxels, unknown ones included.
    public var extensions: [HeaderExtension] = []
    /// The geometry's numbers as a NIfTI file stores them, before anything was derived from them.
    var storedGeometry: StoredGeometry?

    /// The facts of a new volume: NIfTI-1, millimetres and seconds.
    public init() {}

    /// `intent_code`, `intent_p1…p3` and `intent_name`.
    public struct Intent: Sendable, Hashable {
        /// The NIfTI intent code; 0 for none, 1002 for labels.
        public var code = 0
        /// The three parameters.
        public var parameters = [0.0, 0, 0]
        /// Up to 16 bytes of text.
        public var name = HeaderText(bytes: [])

        /// No intent.
        public init() {}
    }

    /// `slice_start`, `slice_end`, `slice_code` and `slice_duration`.
    public struct SliceTiming: Sendable, Hashable {
        /// The first slice that was acquired.
        public var start = 0
        /// The last slice.
        public var end = 0
        /// The order code.
        public var code = 0
        /// The time one slice takes.
        public var duration = 0.0

        /// No timing.
        public init() {}
    }

    /// `cal_min` and `cal_max`.
    public struct DisplayRange: Sendable, Hashable {
        /// The value shown black.
        public var low = 0.0
        /// The value shown white.
        public var high = 0.0

        /// No range.
        public init() {}
    }
}

/// A block that programs put between header and voxels, such as AFNI's XML (code 4).
public struct HeaderExtension: Sendable, Hashable {
    /// Who defined the content: 2 DICOM, 4 AFNI, 6 comment…
    public var code: Int
    /// The content as stored, padding included.
    public var content: [UInt8]

    /// States a block.
    public init(code: Int, content: [UInt8]) {
        self.code = code
        self.content = content
    }
}

/// Text of a fixed-width field, kept as bytes because writers do not agree on an encoding.
public struct HeaderText: Sendable, Hashable, CustomStringConvertible {
    /// The bytes without padding. Some writers leave remains of an earlier text behind a NUL; they are kept.
    public var bytes: [UInt8]

    /// Wraps stored bytes.
    public init(bytes: [UInt8]) { self.bytes = bytes }

    /// Encodes text as UTF-8; the field's width cuts it when it is written.
    public init(_ text: String) { bytes = Array(text.utf8) }

    /// The text up to the first NUL: UTF-8 where it is valid, else Latin-1.
    public var description: String {
        let text = bytes.prefix { $0 != 0 }
        return String(validating: text, as: UTF8.self) ?? String(text.map { Character(Unicode.Scalar($0)) })
    }
}

/// The unit of lengths in a file (`xyzt_units`, lower three bits).
public enum SpaceUnit: Int, Sendable, Hashable {
    /// Not said; taken for millimetres.
    case unknown = 0
    case metre = 1
    case millimetre = 2
    case micrometre = 3

    /// Millimetres in one such unit.
    public var millimetres: Double {
        switch self {
        case .metre: 1000
        case .micrometre: 0.001
        case .unknown, .millimetre: 1
        }
    }
}

/// The unit of the fourth axis (`xyzt_units`, bits 3 to 5).
public enum TimeUnit: Int, Sendable, Hashable {
    /// Not said; taken for seconds.
    case unknown = 0
    case second = 8
    case millisecond = 16
    case microsecond = 24
    case hertz = 32
    case partsPerMillion = 40
    case radiansPerSecond = 48

    /// Seconds in one such unit; 1 for units that do not measure time.
    public var seconds: Double {
        switch self {
        case .millisecond: 1e-3
        case .microsecond: 1e-6
        default: 1
        }
    }

    /// Whether the fourth axis is a spectrum rather than time.
    public var isSpectral: Bool { rawValue >= TimeUnit.hertz.rawValue }
}

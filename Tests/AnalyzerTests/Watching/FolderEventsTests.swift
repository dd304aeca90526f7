// How a watch is told of changes.

import FoundationEssentials
import Testing

@testable import Analyzer

struct FolderEventsTests {
    private static let mounts = """
        22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
        40 22 0:35 / /home rw,nosuid shared:20 - nfs4 server:/home rw,vers=4.2
        41 22 0:36 / /data rw - fuse.sshfs server:/data rw
        42 22 0:37 / /tmp rw - tmpfs tmpfs rw
        """

    @Test(arguments: [("254:1", false), ("0:35", true), ("0:36", true), ("0:37", false), ("9:9", false)])
    func networkFileSystemsAreKnownByTheirType(device: String, isRemote: Bool) {
        #expect(FolderEvents.isRemote(device: device, mounts: Self.mounts) == isRemote)
    }

    @Test func aFolderOfThisMachineIsNotRemoteAndOneThatIsMissingIsNothing() throws {
        let folder = try TemporaryFolder()
        #expect(FolderEvents.isRemote(folder.path) == false)
        #expect(FolderEvents.isRemote(folder.path + "/none") == nil)
    }

    #if os(Linux)
        @Test func aRenameIntoAFolderIsToldWithItsPath() throws {
            let folder = try TemporaryFolder()
            let events = FolderEvents()
            events.add([folder.path])
            #expect(events.isImmediate)
            #expect(events.wait(upTo: .milliseconds(1)).isEmpty)
            try Data("x".utf8).write(to: URL(filePath: folder.path + "/a.tmp"))
            #expect(events.wait(upTo: .seconds(10)).isEmpty)
            try FileManager.default.moveItem(atPath: folder.path + "/a.tmp", toPath: folder.path + "/a.pt")
            #expect(events.wait(upTo: .seconds(10)) == [folder.path + "/a.pt"])
        }
    #endif
}

package state

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// networkFileSystem returns the kind of network file system that path is on, or ""
// for a local one.
func networkFileSystem(path string) (string, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return "", err
	}
	// Depending on the architecture, the field is signed or unsigned and has 32 or
	// 64 bits.
	switch uint32(fs.Type) {
	case unix.NFS_SUPER_MAGIC:
		return "NFS", nil
	case unix.CIFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC:
		return "SMB", nil
	case unix.CEPH_SUPER_MAGIC:
		return "Ceph", nil
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS", nil
	case unix.V9FS_MAGIC:
		return "9P", nil
	case unix.CODA_SUPER_MAGIC:
		return "Coda", nil
	case unix.NCP_SUPER_MAGIC:
		return "NCP", nil
	case unix.FUSE_SUPER_MAGIC:
		return remoteFuse(path)
	}
	return "", nil
}

// remoteFuse looks up the mount of the path's device, because only the type of the
// mount tells whether a FUSE file system is local.
func remoteFuse(path string) (string, error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return "", err
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	device := fmt.Sprintf("%d:%d", unix.Major(uint64(stat.Dev)), unix.Minor(uint64(stat.Dev)))
	return fuseKind(bufio.NewScanner(f), device)
}

// fuseKind reads /proc/self/mountinfo (proc(5)): the device is the third field, and
// the type is the first field after the hyphen that stands alone.
func fuseKind(mounts *bufio.Scanner, device string) (string, error) {
	for mounts.Scan() {
		before, after, ok := strings.Cut(mounts.Text(), " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 3 || fields[2] != device {
			continue
		}
		kind, _, _ := strings.Cut(after, " ")
		switch strings.TrimPrefix(kind, "fuse.") {
		case "sshfs", "rclone", "s3fs", "gcsfuse", "glusterfs", "davfs", "curlftpfs", "ceph-fuse", "ceph", "moosefs", "lizardfs", "juicefs", "goofys", "blobfuse", "blobfuse2", "gvfsd-fuse", "smbnetfs":
			return kind, nil
		}
		return "", nil
	}
	return "", mounts.Err()
}

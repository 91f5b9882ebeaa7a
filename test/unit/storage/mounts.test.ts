import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMounts, readMounts, whyNotMounted } from "../../../lib/storage/mounts.ts";

// As proc_pid_mountinfo(5) describes it.
const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nfs rw,relatime shared:2 master:1 - nfs4 server:/export/a\\040b rw,vers=4.2
31 22 8:1 /home/x /mnt/bound rw - ext4 /dev/sda1 rw
32 22 0:41 / /mnt/with\\040space rw - tmpfs tmpfs rw
33 22 0:42 / /mnt/auto rw - autofs systemd-1 rw,fd=1
34 22 0:43 / /mnt/over rw - nfs4 server:/old rw
35 34 8:1 /var /mnt/over rw - ext4 /dev/sda1 rw
36 33 0:44 / /mnt/auto/there rw - nfs4 server:/there rw
`;
const mounts = parseMounts(MOUNTINFO);

test("mounts are read with their escapes and whatever optional fields they have", () => {
  assert.equal(mounts.length, 8);
  assert.deepEqual(mounts[1], { mountPoint: "/mnt/nfs", device: "0:40", type: "nfs4", source: "server:/export/a b" });
  assert.equal(mounts[3]?.mountPoint, "/mnt/with space");
});

test("a mounted file system other than the root's is accepted, at its top and below", () => {
  for (const path of ["/mnt/nfs", "/mnt/nfs/backups/site", "/mnt/with space/x", "/mnt/auto/there/x"])
    assert.equal(whyNotMounted(mounts, path), undefined, path);
});

test("the root disk is refused, also where it is bound to another place or mounted over another", () => {
  assert.equal(whyNotMounted(mounts, "/mnt/nfs2"), "it lies on the root file system (ext4 /dev/sda1 on /)");
  assert.equal(whyNotMounted(mounts, "/"), "it lies on the root file system (ext4 /dev/sda1 on /)");
  assert.equal(whyNotMounted(mounts, "/mnt/bound/x"), "it lies on the root file system (ext4 /dev/sda1 on /mnt/bound)");
  assert.equal(whyNotMounted(mounts, "/mnt/over"), "it lies on the root file system (ext4 /dev/sda1 on /mnt/over)");
});

test("an automounter's own mount point is no mount", () => {
  assert.equal(
    whyNotMounted(mounts, "/mnt/auto/gone"),
    "the automounter has mounted nothing there (autofs systemd-1 on /mnt/auto)",
  );
});

test("no list of mounts is no reason to go on", () => {
  assert.equal(whyNotMounted([], "/mnt/nfs"), "the system lists no mount that holds it");
});

test("this system's own mounts are read", { skip: process.platform !== "linux" }, async () => {
  const own = await readMounts();
  assert.ok(own?.some((mount) => mount.mountPoint === "/"));
});

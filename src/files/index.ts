/**
 * Room `files`: making bytes durable, and the few system calls Node lacks. Ground floor: knows no mail. The order is always:
 * write, fsync the file, link or rename, fsync the directory, then say yes.
 */

export { type Cdb, cdbHash, openCdb, renderCdb } from "./cdb.ts";
export { type CdbSync, openCdbSync } from "./cdb-sync.ts";
export { duplicateFd, placeFd } from "./descriptors.ts";
export { diskPath } from "./disk-path.ts";
export { fsyncDirectory, makeFolder, writeFileDurable } from "./durable.ts";
export { errorCode, errorText, isPassing } from "./error-text.ts";
export { HeldBytes } from "./held-bytes.ts";
export { lockByHelper, lockDescriptor } from "./lock-descriptor.ts";
export { exitStatus, hasPosixSpawn, posixSpawn } from "./posix-spawn.ts";
export { type ProcessCalls, processCalls, type ResourceLimit } from "./process-calls.ts";
export { flockFile, hasSyscalls, lockFile, peerUid, reapChild, syncFileSystem } from "./syscalls.ts";
export { type DatagramSender, datagramTo } from "./unix-datagram.ts";

/** Tries a lock without the library that stays in memory, if there is flock(1). False: another holds it; null: there is no way to lock. */
export async function tryLock(fd: number): Promise<boolean | null> {
  const { flockFile, lockByHelper } = await import("#files");
  return lockByHelper(fd, "now") ?? flockFile(fd);
}

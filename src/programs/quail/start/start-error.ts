/** Why the house cannot start: one clear sentence for whoever typed the command. */
export class StartError extends Error {}

const sentences: ReadonlyMap<string, string> = new Map([
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["ENOSPC", "the disk is full"],
  ["EDQUOT", "the disk quota is used up"],
  ["EROFS", "the file system is read-only"],
  ["ENOTDIR", "a part of that path is a file, not a folder"],
  ["ENAMETOOLONG", "the path is too long"],
  ["EIO", "the disk has an error"],
]);

/** What the operating system said, in words; its own message for codes without a sentence here. */
export function systemReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return sentences.get(code ?? "") ?? message;
}

/** Runs a step of the start; what it throws becomes `cannot DO: REASON`. */
export async function step<T>(doing: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`cannot ${doing}: ${systemReason(error)}`, { cause: error });
  }
}

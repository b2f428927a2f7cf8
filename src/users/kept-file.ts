import { statSync } from "node:fs";

/**
 * A file written this shortly before it was looked at may be written again without its stamp changing: file systems stamp by
 * the kernel's tick (4-10 ms), some by more.
 */
const unsettledMs = 30;

type Kept<T> = { readonly stamp: string | null; readonly value: T };

/** Tells one content of a path from the next: inode, size, times. `missing` if there is no such file. Other errors are thrown. */
function stampOf(path: string): { readonly stamp: string; readonly changedMs: number } {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return { stamp: "missing", changedMs: 0 };
  return { stamp: `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`, changedMs: Number(stat.ctimeMs) };
}

/**
 * Keeps what `load` made of a file until the file changes; each call costs one stat. For small files on a local disk that are
 * asked often. `drop` is given what is no longer wanted. Throws what stat and `load` throw, and keeps nothing then.
 */
export function keptFile<T>(path: string, load: () => T, drop: (old: T) => void = () => {}): () => T {
  let kept: Kept<T> | null = null;
  return () => {
    const { stamp, changedMs } = stampOf(path);
    if (kept !== null && kept.stamp === stamp) return kept.value;
    const old = kept;
    kept = null;
    if (old !== null) drop(old.value);
    // Stamped before it is loaded: if it changes in between, the next call loads again.
    kept = { stamp: Date.now() - changedMs < unsettledMs ? null : stamp, value: load() };
    return kept.value;
  };
}

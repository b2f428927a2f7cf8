import { statSync } from "node:fs";

/**
 * A file written this shortly before it was looked at may be written again without its stamp changing: file systems stamp by
 * the kernel's tick (4-10 ms), some by more.
 */
const unsettledMs = 30;

let looks = 0;

/**
 * Tells one content of a path from the next: inode, size, times; `missing` if there is no such file. Unlike any other stamp
 * while the file is so fresh that its next change may not show. Other errors are thrown.
 */
export function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return "missing";
  if (Date.now() - Number(stat.ctimeMs) < unsettledMs) return `fresh ${++looks}`;
  return `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`;
}

/**
 * Keeps what `load` made of a file until the file changes; each call costs one stat. For small files on a local disk that are
 * asked often. `drop` is given what is no longer wanted. Throws what stat and `load` throw, and keeps nothing then.
 */
export function keptFile<T>(path: string, load: () => T, drop: (old: T) => void = () => {}): () => T {
  let kept: { readonly stamp: string; readonly value: T } | null = null;
  return () => {
    const stamp = stampOf(path);
    if (kept !== null && kept.stamp === stamp) return kept.value;
    const old = kept;
    kept = null;
    if (old !== null) drop(old.value);
    // Stamped before it is loaded: if it changes in between, the next call loads again.
    kept = { stamp, value: load() };
    return kept.value;
  };
}

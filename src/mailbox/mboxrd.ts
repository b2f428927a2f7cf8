const word = Buffer.from("From ");
const lf = 0x0a;
const quote = 0x3e;
const quoteBytes = Buffer.of(quote);
const lfBytes = Buffer.of(lf);

/** Quotes a message for an mbox as it passes by; see `quoteMboxrd`. */
export type MboxrdQuoter = {
  /** The next bytes of the message as they go to the disk: views of `piece` and added `>`s. */
  push(piece: Buffer): Buffer[];
  /** What is still held back, and the LF a last line lacks. */
  end(): Buffer[];
};

/**
 * One more `>` in front of every line that matches `^>*From ` (mboxrd: undone by taking one away), a LF at the end of a last
 * line that lacks it. Pieces may be cut anywhere. As all `>` are alike, the new one goes between the old ones and `From `,
 * so a run of them need not be held back; only an unfinished `From` is.
 */
export function quoteMboxrd(): MboxrdQuoter {
  /** True when what went by of the current line is nothing but `>`s (or nothing at all). */
  let onlyQuotes = true;
  /** Up to four bytes of a possible `From ` at the end of the last piece; `onlyQuotes` holds before them. */
  let held: Buffer = Buffer.alloc(0);
  let last = lf;

  /** Is everything between the line's beginning and `at` a run of `>`? */
  const isQuoteRun = (bytes: Buffer, at: number): boolean => {
    let i = at;
    while (i > 0 && bytes[i - 1] === quote) i--;
    return i === 0 ? onlyQuotes : bytes[i - 1] === lf;
  };

  const holdBack = (bytes: Buffer): number => {
    for (let length = Math.min(word.length - 1, bytes.length); length > 0; length--) {
      const at = bytes.length - length;
      if (word.subarray(0, length).equals(bytes.subarray(at)) && isQuoteRun(bytes, at)) return length;
    }
    return 0;
  };

  return {
    push(piece) {
      if (piece.length === 0) return [];
      last = piece[piece.length - 1]!;
      const bytes = held.length === 0 ? piece : Buffer.concat([held, piece]);
      const out: Buffer[] = [];
      let from = 0;
      for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + word.length)) {
        if (!isQuoteRun(bytes, at)) continue;
        out.push(bytes.subarray(from, at), quoteBytes);
        from = at;
      }
      const end = bytes.length - holdBack(bytes);
      held = bytes.subarray(end);
      if (end > from) out.push(bytes.subarray(from, end));
      if (end > 0) onlyQuotes = isQuoteRun(bytes, end);
      return out;
    },
    end() {
      const rest = held.length === 0 ? [] : [held];
      return last === lf ? rest : [...rest, lfBytes];
    },
  };
}

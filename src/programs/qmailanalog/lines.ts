import { type Filter, LineSplitter } from "#analyse/tables";
import type { ByteString } from "#bytes";

/** A filter that makes of each line other text; a last line without LF is a line, too. */
export function lineFilter(change: (line: ByteString) => ByteString): Filter {
  let out: string[] = [];
  const splitter = new LineSplitter((bytes, from, to) => out.push(change(bytes.toString("latin1", from, to))));
  return {
    take(chunk) {
      out = [];
      splitter.push(chunk);
      return out.join("");
    },
    end() {
      const rest = splitter.rest();
      return rest.length === 0 ? [] : [change(rest.toString("latin1"))];
    },
  };
}

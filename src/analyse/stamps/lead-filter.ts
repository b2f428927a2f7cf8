import type { Filter } from "../filter-program.ts";

/**
 * A filter that changes how lines begin and copies the rest, however long: the first `leadChars` of a line (or all of a shorter one) go
 * through `change`. A last line without LF stays without.
 */
export function leadFilter(leadChars: number, change: (lead: string) => string): Filter {
  let held = "";
  /** True while the lead of a line is being gathered; false while its rest is copied. */
  let isLead = true;
  const take = (text: string): string => {
    let out = "";
    for (let at = 0; at < text.length; ) {
      const lf = text.indexOf("\n", at);
      if (!isLead) {
        out += text.slice(at, lf < 0 ? text.length : lf + 1);
        if (lf < 0) break;
        at = lf + 1;
        isLead = true;
        continue;
      }
      const end = Math.min(lf < 0 ? text.length : lf, at + leadChars - held.length);
      held += text.slice(at, end);
      at = end;
      if (held.length < leadChars && at !== lf) break;
      out += change(held);
      held = "";
      isLead = false;
    }
    return out;
  };
  return {
    take: (chunk) => take(chunk.toString("latin1")),
    end: () => (held === "" ? [] : [change(held)]),
  };
}

import type { Writable } from "node:stream";

const barCells = 30;
/** A bar is drawn again after this many milliseconds. */
const redrawMs = 100;

/** Draws a bar on a terminal; nothing elsewhere. `shownAs` makes words of the numbers. */
export function progressBar(
  stderr: Writable,
  shownAs: (done: number, all: number) => string = (done, all) => `${done}/${all}`,
): {
  readonly show: (done: number, all: number) => void;
  readonly end: () => void;
} {
  if (!("isTTY" in stderr) || stderr.isTTY !== true) return { show: () => {}, end: () => {} };
  let drawnAtMs = 0;
  return {
    show(done, all) {
      if (Date.now() - drawnAtMs < redrawMs && done < all) return;
      drawnAtMs = Date.now();
      const full = all === 0 ? barCells : Math.floor((barCells * Math.min(done, all)) / all);
      stderr.write(`\r[${"#".repeat(full)}${" ".repeat(barCells - full)}] ${shownAs(done, all)}`);
    },
    end: () => stderr.write("\r\x1b[K"),
  };
}

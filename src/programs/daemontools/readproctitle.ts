import type { Program } from "#process";
import { smallestWindow, TitleWindow } from "./title-window.ts";

/**
 * `readproctitle ARGUMENT ... WINDOW`: shows the end of what it reads in its own command line, for ps, in place of its last argument
 * (spec 4). 100 without a word if that has fewer than five bytes; 111 when reading fails.
 */
export const main: Program = async ({ name, args, stdin, become }) => {
  const size = Buffer.byteLength(args.at(-1) ?? "");
  if (size < smallestWindow) return 100;
  const window = new TitleWindow(size);
  const words = [name, ...args.slice(0, -1)].join(" ");
  const show = (): void => {
    if (become !== null) process.title = `${words} ${window.text}`; // Another's process keeps its name.
  };
  show();
  try {
    for await (const chunk of stdin) {
      window.take(chunk as Buffer);
      show();
    }
    return 0;
  } catch {
    return 111;
  }
};

import { columnText, filterProgram } from "#analyse/tables";
import type { Program } from "#process";

/** `columnt`: lines up the columns of stdin; reads all of it first (spec, section 4). */
export const main: Program = async (call) => {
  const chunks: Buffer[] = [];
  return filterProgram(call, {
    take(chunk) {
      chunks.push(chunk);
      return "";
    },
    end: () => [columnText(Buffer.concat(chunks).toString("latin1"))],
  });
};

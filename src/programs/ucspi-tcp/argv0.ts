import { type Program, UsageError } from "#process";

/** `argv0 realname name [arg ...]`: becomes the program realname, which is told that it is called name. */
export const main: Program = (call) => {
  const [real, name, ...args] = call.args;
  if (real === undefined || name === undefined) {
    throw new UsageError("argv0: usage: argv0 realname program [ arg ... ]");
  }
  return call.exec([real, ...args], { lastOf: "argv0", name });
};

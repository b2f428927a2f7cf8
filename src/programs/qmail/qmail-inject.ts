import { findHome } from "#control";
import { callerOrigin, inject, posterFor, uniqueNumber } from "#inject";
import type { Program } from "#process";

/** `qmail-inject [ -nNaAhH ] [ -fsender ] [ recip ... ]`: completes the message on stdin and queues it. */
export const main: Program = (call) => {
  const home = findHome(call.env);
  return inject(call, {
    home,
    openPoster: () => posterFor(call.env, home),
    origin: callerOrigin(),
    now: new Date(),
    unique: uniqueNumber(),
  });
};

import { findHome } from "#control";
import { callerOrigin, queuePoster, queueProgram } from "#inject";
import type { Program } from "#process";

/** qmail-queue: queues the message on descriptor 0 for the envelope on descriptor 1. Prints nothing, ever. */
export const main: Program = (call) => queueProgram(call, () => queuePoster(findHome(call.env)), callerOrigin());

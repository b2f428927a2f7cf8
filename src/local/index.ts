/**
 * Room `local`: delivery to the users of this machine as qmail-local does it: the .qmail file, its lines, Maildirs, mbox
 * files, programs, forwards. Runs as the user; owns nothing on disk but what it delivers. `deliverLocally` is for the worker
 * (one report per job), `carryOut` and `showInstructions` for the program qmail-local, `forwardMessage` for the helper programs.
 */
export { type Advice, adviceOn } from "./advice.ts";
export { carryOut, instructionsFor, type LocalHouse, type LocalJob, refusalOf } from "./carry-out.ts";
export { checkHome } from "./check-home.ts";
export { deliverLocally } from "./deliver-locally.ts";
export { deliveredToLine, returnPathLine } from "./delivery-lines.ts";
export { deliveryEnvironment } from "./environment.ts";
export { type Forwarding, forwardMessage, type PostingDoor } from "./forward-message.ts";
export { type HeldMessage, holdMessage } from "./held-message.ts";
export { type Instruction, parseInstructions } from "./instructions.ts";
export { noLimits, type ProgramLimits, readProgramLimits } from "./program-limits.ts";
export { type Shown, showInstructions } from "./show-instructions.ts";

import type { Case } from "./case.ts";
import { tls } from "./tls.ts";

/** Every further case, in the order of RESULTS.md. */
export const cases: readonly Case[] = [tls];

import { backlog } from "./backlog.ts";
import type { Case } from "./case.ts";
import { inject } from "./inject.ts";
import { memory } from "./memory.ts";
import { million } from "./million.ts";
import { pop3 } from "./pop3.ts";
import { storm } from "./storm.ts";
import { tls } from "./tls.ts";
import { verp } from "./verp.ts";

/** Every further case, in the order of RESULTS.md. */
export const cases: readonly Case[] = [backlog, storm, million, verp, inject, memory, pop3, tls];

import type { Manual } from "../manual.ts";

/** Programs an administrator of qmail knows from the book and its scripts. */
export const manuals: readonly Manual[] = [];

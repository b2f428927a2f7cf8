import {
  decimalFromLabel,
  filterProgram,
  labelFromDecimal,
  leadFilter,
  longestStamp,
  unixFromLabel,
} from "#analyse/stamps";
import { decimalStamp, microsNow } from "#log";
import type { Program } from "#process";

/** A filter that changes the stamp a line begins with. */
const converter =
  (change: (lead: string) => string): Program =>
  async (call) =>
    filterProgram(call, leadFilter(longestStamp, change));

/** `tai64nunix`: TAI64N labels become seconds since 1970 with nine digits of fraction. */
export const tai64nunix = converter(unixFromLabel);

/** `tai64n2tai`: the same in twenty characters, for whole labels alone. */
export const tai64n2tai = converter(decimalFromLabel);

/** `tai2tai64n`: the inverse. */
export const tai2tai64n = converter(labelFromDecimal);

/** `accustamp`: puts the time in front of each line, when its first byte is read. */
export const accustamp: Program = async (call) =>
  filterProgram(
    call,
    leadFilter(1, (first) => `${decimalStamp(microsNow())} ${first}`),
  );

/**
 * Numbers as awk reads and prints them: the reports of qmailanalog are awk programs, and who parses their output has learned their
 * form.
 */

/** A field as a number: the number it begins with, 0 if it begins with none. */
export function awkNumber(field: string | undefined): number {
  const value = Number(field);
  if (!Number.isNaN(value)) return value;
  return Number(/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/.exec(field ?? "")?.[0] ?? 0);
}

/** How `print` shows a number: an integer whole, anything else with six significant digits (`%.6g`). */
export function awkText(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value === 0 ? 0 : value) : generalText(value);
  return generalText(value);
}

const significant = 6;
/** So many further digits tell an exact half from anything near it. */
const furtherDigits = 40;

/** C's `%.2f` and the like: exact halves go to the even digit, where JavaScript's toFixed goes up. */
export function fixed(value: number, digits: number): string {
  const rounded = value.toFixed(digits);
  if (!value.toFixed(digits + 1).endsWith("5")) return rounded;
  const exact = value.toFixed(digits + furtherDigits);
  const cut = exact.length - furtherDigits;
  const isHalf = /^50*$/.test(exact.slice(cut));
  const down = exact.slice(0, cut).replace(/\.$/, "");
  return isHalf && Number(down.at(-1)) % 2 === 0 ? down : rounded;
}

/** C's `%.6g`. */
function generalText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const exponent = Number(value.toExponential(furtherDigits).split("e")[1]);
  const plain = exponent >= -4 && exponent < significant ? fixed(value, significant - 1 - exponent) : null;
  if (plain !== null && Math.abs(Number(plain)) < 10 ** significant) return trimZeros(plain);
  const [digits = "0", power = "0"] = value.toExponential(significant - 1).split("e");
  const sign = Number(power) < 0 ? "-" : "+";
  return `${trimZeros(digits)}e${sign}${String(Math.abs(Number(power))).padStart(2, "0")}`;
}

const trimZeros = (digits: string): string => (digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits);

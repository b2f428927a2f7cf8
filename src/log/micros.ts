/** The monotonic clock may be off the clock of day by so much before that is asked again: somebody set it. */
const maxApartMs = 5;

/** Microseconds since 1970. Node's clock of day has milliseconds alone; the rest comes from the clock that counts from the start. */
export function microsNow(): number {
  const fine = performance.timeOrigin + performance.now();
  const day = Date.now();
  return Math.round((Math.abs(fine - day) > maxApartMs ? day : fine) * 1000);
}

/** `1700000000.123456`: accustamp's stamp. */
export function decimalStamp(micros: number): string {
  return `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, "0")}`;
}

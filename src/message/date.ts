const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const two = (n: number): string => String(n).padStart(2, "0");

/** Day, month, year and time of a moment in GMT, in qmail's order: `26 Sep 1995 04:46:53`. */
function dayAndTime(moment: Date): string {
  const day = `${moment.getUTCDate()} ${months[moment.getUTCMonth()]} ${moment.getUTCFullYear()}`;
  return `${day} ${two(moment.getUTCHours())}:${two(moment.getUTCMinutes())}:${two(moment.getUTCSeconds())}`;
}

/** qmail's date: GMT, no weekday, day without leading zero: `26 Sep 1995 04:46:53 -0000`. */
export function mailDate(moment: Date): string {
  return `${dayAndTime(moment)} -0000`;
}

/** The same in a zone `offsetMinutes` east of GMT, with its numeric zone: `25 Sep 1995 21:46:53 -0700`. */
export function zonedMailDate(moment: Date, offsetMinutes: number): string {
  const sign = offsetMinutes < 0 ? "-" : "+";
  const minutes = Math.abs(offsetMinutes);
  const local = new Date(moment.getTime() + offsetMinutes * 60_000);
  return `${dayAndTime(local)} ${sign}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

/** The fourteen digits a Message-ID begins with, in GMT: `19950926044653`. */
export function dateDigits(moment: Date): string {
  return moment.toISOString().slice(0, 19).replace(/[-:T]/g, "");
}

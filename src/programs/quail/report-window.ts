import { parseSpan } from "#operate";

const dayForm = /^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?)?$/;

/** A day or a moment in local time; null if the calendar has no such day. */
function localMoment(match: RegExpExecArray): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  const date = new Date(year, month - 1, day, hour, minute, second);
  const isReal = date.getMonth() === month - 1 && date.getDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? date.getTime() / 1000 : null;
}

/**
 * A moment as seconds since 1970: a day (its midnight, local time), a day and a time, an RFC 3339 stamp, an age (`90m`, `12h`, `7d`), or
 * the seconds themselves. Null for anything else.
 */
export function parseMoment(text: string, now: Date): number | null {
  const day = dayForm.exec(text);
  if (day !== null) return localMoment(day);
  if (/^[0-9]{9,11}(\.[0-9]+)?$/.test(text)) return Number(text);
  const age = /[smhdw]$/.test(text) ? parseSpan(text) : null;
  if (age !== null) return (now.getTime() - age) / 1000;
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})$/.test(text)) return null;
  const stamp = Date.parse(text) / 1000;
  return Number.isNaN(stamp) ? null : stamp;
}

const minuteMs = 60_000;

/** `EST5EDT`-like and `UTC-3:30`-like zones of POSIX: a name, then hours WEST of GMT. Their summer rules are left to ICU. */
const posixZone = /^<?[A-Za-z+\-0-9]*?[A-Za-z>]([+-]?)([0-9]{1,2})(?::([0-9]{2}))?/;

/** The difference between what clocks show in a zone and GMT, by the zone's name; null if ICU does not know it. */
function namedOffset(moment: Date, zone: string): number | null {
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    const shown = Date.UTC(year, month - 1, day, hour, minute, second);
    return Math.round((shown - moment.getTime()) / minuteMs);
  } catch {
    return null; // RangeError: no such zone.
  }
}

function posixOffset(zone: string): number | null {
  const [whole, sign, hours, minutes = "0"] = posixZone.exec(zone) ?? [];
  if (whole === undefined) return null;
  return (sign === "-" ? 1 : -1) * (Number(hours) * 60 + Number(minutes));
}

/**
 * Minutes east of GMT at a moment: in the zone `tz` names (the caller's TZ: a program may run inside another process), or
 * where this machine is when it names none.
 */
export function zoneOffsetMinutes(moment: Date, tz: string | undefined): number {
  const machine = -moment.getTimezoneOffset();
  if (tz === undefined || tz === process.env.TZ) return machine;
  const zone = tz.replace(/^:/, "");
  return namedOffset(moment, zone === "" ? "UTC" : zone) ?? posixOffset(zone) ?? machine;
}

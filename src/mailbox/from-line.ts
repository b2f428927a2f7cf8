import type { ByteString } from "#bytes";
import type { ReversePath } from "#mail";

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const two = (n: number): string => String(n).padStart(2, "0");

/** A moment in the layout of asctime(3), in GMT, the day of the month with two digits: `Thu Jan 01 00:00:07 1970`. */
function asctime(moment: Date): string {
  const time = [moment.getUTCHours(), moment.getUTCMinutes(), moment.getUTCSeconds()].map(two).join(":");
  const day = `${days[moment.getUTCDay()]} ${months[moment.getUTCMonth()]} ${two(moment.getUTCDate())}`;
  return `${day} ${time} ${moment.getUTCFullYear()}`;
}

/**
 * The line that begins a message in an mbox, with its LF: `From joe@example.org Thu Jan 01 00:00:07 1970`. The null path is
 * MAILER-DAEMON; blanks, tabs and LFs in the sender become hyphens (spec 6.5).
 */
export function fromLine(sender: ReversePath, moment: Date): ByteString {
  const who = sender === "" ? "MAILER-DAEMON" : sender.replace(/[ \t\n]/g, "-");
  return `From ${who} ${asctime(moment)}\n`;
}

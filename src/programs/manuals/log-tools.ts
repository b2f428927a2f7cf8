import type { Manual } from "../manual.ts";

const ioCodes: Manual["exitCodes"] = [
  ["0", "done"],
  ["111", "input could not be read or output not written; the reason is on standard error"],
];

const stampText =
  "Stamps may be TAI64N (multilog), seconds since 1970 with a fraction (accustamp, tai64nunix), local dates (tai64nlocal), RFC 3339, or a syslog frame with or without splogger's stamp behind it.";

const reportOptions: Manual["options"] = [
  ["-r", "The largest first: descending instead of ascending."],
  ["--json", "An array with one object per row instead of the table."],
];

/** A report of qmailanalog. */
const report = (name: string, purpose: string, ...description: readonly string[]): Manual => ({
  name,
  section: 8,
  purpose,
  synopsis: [`${name} [ -r ] [ --json ] < MATCHED`],
  description: [...description, "Reads what matchup printed. Above the table stands what its columns mean."],
  options: reportOptions,
  exitCodes: ioCodes,
  seeAlso: ["matchup", "quail report"],
});

const filter = (name: string, word: string, purpose: string, which: string): Manual => ({
  name,
  section: 8,
  purpose,
  synopsis: [`${name} ${word} < MATCHED`],
  description: [`Copies those lines of matchup's output ${which}; all others are left out.`],
  exitCodes: [...ioCodes, ["100", "called wrongly"]],
  seeAlso: ["matchup"],
});

/** qmailanalog and its neighbours. */
export const manuals: readonly Manual[] = [
  {
    name: "matchup",
    section: 8,
    purpose: "put the lines of the queue's log together, a line per delivery and per message",
    synopsis: ["matchup < LOG > MATCHED 5> PENDING"],
    description: [
      "Reads what qmail-send (Quail's queue service) logged. Prints a line for each delivery attempt that ended and for each message that left the queue; the reports and filters of qmailanalog read these lines.",
      "What is not finished when the log ends goes to descriptor 5. Put it in front of the next log and nothing is lost: cat PENDING NEXTLOG | matchup.",
      stampText,
    ],
    sections: [
      {
        title: "output",
        rows: [
          [
            "d R BIRTH START END BYTES <SENDER> CHANNEL.RECIPIENT QP UID REASON",
            "A delivery attempt. R is k for success, z for deferral, d for failure. Without its message BIRTH is START, BYTES 0, and SENDER, QP and UID are question marks.",
          ],
          [
            "m BIRTH END BYTES K D Z <SENDER> QP UID",
            "A message that left the queue, with its numbers of successes, failures and deferrals.",
          ],
          ["? LINE", "A line matchup does not know. Lines that begin with warning: or alert: are copied as they are."],
        ],
      },
    ],
    exitCodes: ioCodes,
    seeAlso: ["mlmatchup", "zoverall", "xqp", "quail report"],
  },
  {
    name: "mlmatchup",
    section: 8,
    purpose: "matchup as a processor of multilog",
    synopsis: ["multilog t !mlmatchup DIR"],
    description: [
      "The same as matchup, but reads descriptor 4 first, where multilog gives it what it left on descriptor 5 when the file before was rotated.",
    ],
    exitCodes: ioCodes,
    seeAlso: ["matchup"],
  },
  filter("xqp", "QP", "keep the deliveries of one message", "whose qp is QP"),
  filter(
    "xsender",
    "SENDER",
    "keep the deliveries of one sender",
    "whose envelope sender is exactly SENDER, in lower case",
  ),
  filter(
    "xrecipient",
    "CHANNEL.RECIPIENT",
    "keep the deliveries to one recipient",
    "that are deliveries to CHANNEL.RECIPIENT, such as remote.joe@example.com, in lower case",
  ),
  {
    name: "columnt",
    section: 8,
    purpose: "line up the columns of a table",
    synopsis: ["columnt < TABLE"],
    description: [
      "Reads all of its input and puts the fields of its lines below each other: each column but the last is as wide as its widest field, to the right, with two blanks behind it.",
    ],
    exitCodes: ioCodes,
    seeAlso: ["matchup"],
  },
  {
    name: "zoverall",
    section: 8,
    purpose: "basic statistics of a log: messages, deliveries, delays, concurrency",
    synopsis: ["zoverall [ --json ] < MATCHED"],
    description: ["Reads what matchup printed and counts it."],
    options: [["--json", "One object instead of the text."]],
    exitCodes: ioCodes,
    seeAlso: ["matchup", "quail report"],
  },
  report(
    "zddist",
    "distribution of delays of successful deliveries",
    "Within how many seconds how many percent of all successful deliveries had happened, from 10% on.",
  ),
  report("zdeferrals", "reasons for deferral", "For each reason: how many attempts, and how long they took in all."),
  report("zfailures", "reasons for failure", "For each reason: how many attempts, and how long they took in all."),
  report("zsuccesses", "reasons for success", "For each answer: how many deliveries, and how long they took in all."),
  report("zrecipients", "recipients, by what their deliveries took", "Bytes, messages and tries of each recipient."),
  report("zrhosts", "recipient hosts, by what their deliveries took", "Bytes, messages and tries of each host."),
  report(
    "zrxdelay",
    "recipients in the best order for mailing lists",
    "The ones whose deliveries are quick stand first.",
  ),
  report("zsenders", "senders, by what their deliveries took", "Messages, bytes, recipients and tries of each sender."),
  report(
    "zsuids",
    "users who send, by what their deliveries took",
    "Messages, bytes, recipients and tries of each uid.",
  ),
  {
    name: "zsendmail",
    section: 8,
    purpose: "show a log as sendmail would have written it",
    synopsis: ["zsendmail < MATCHED"],
    description: ["Turns each line of matchup's output into one of sendmail's; other lines are copied."],
    exitCodes: ioCodes,
    seeAlso: ["matchup"],
  },
];

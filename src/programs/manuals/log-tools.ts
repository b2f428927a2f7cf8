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

const stamps = (name: string, purpose: string, description: string): Manual => ({
  name,
  section: 8,
  purpose,
  synopsis: [`${name} < LOG`],
  description: [description],
  exitCodes: ioCodes,
  seeAlso: ["tai64nunix", "tai64n2tai", "tai2tai64n", "accustamp"].filter((other) => other !== name),
});

/** qmailanalog, qlogtools and their neighbours. */
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
  stamps(
    "tai64nunix",
    "show TAI64N labels as seconds since 1970",
    "A label at the begin of a line becomes seconds, a dot and nine digits, as matchup of old wants them. Labels may be shorter or longer than they should; other lines are copied.",
  ),
  stamps(
    "tai64n2tai",
    "turn TAI64N labels into decimal stamps",
    "A whole label at the begin of a line becomes ten digits of seconds, a dot and nine digits. Other lines are copied. tai2tai64n is the inverse.",
  ),
  stamps(
    "tai2tai64n",
    "turn decimal stamps into TAI64N labels",
    "Seconds since 1970 with one to nine digits behind a dot, at the begin of a line, become a label. Other lines are copied.",
  ),
  stamps(
    "accustamp",
    "put the time in front of each line",
    "Seconds since 1970, a dot, six digits and a blank: the moment when the first byte of the line was read.",
  ),
  {
    name: "cyclog",
    section: 8,
    purpose: "write a log into files of bounded size and number",
    synopsis: ["cyclog [ -sSIZE ] [ -nNUM ] [ -mMARGIN ] DIR"],
    description: [
      "The predecessor of multilog, for scripts that still call it. Copies standard input into files of DIR, each named after the moment it was begun, and removes the oldest.",
      "A file in progress has mode 644. A finished one is on disk and has mode 444. A full disk pauses the log and loses nothing.",
    ],
    options: [
      ["-sSIZE", "No file gets larger than SIZE bytes: 104000, at least 512."],
      ["-nNUM", "At most NUM files: 10, at least 1."],
      ["-mMARGIN", "From SIZE-MARGIN bytes on the next line's end is the end of the file: 4000."],
    ],
    exitCodes: [
      ["0", "all of the input is on disk"],
      ["100", "called wrongly"],
      ["111", "DIR cannot be made, or it was told to end before the disk took everything"],
    ],
    seeAlso: ["accustamp"],
  },
  {
    name: "qlogselect",
    section: 8,
    purpose: "pick the lines of some messages out of a log",
    synopsis: ["qlogselect [ start TIME ] [ end TIME ] [ from PATTERN ] [ stripstatus ] [ addstatus ] < LOG"],
    description: [
      "Copies the lines of messages, and of their deliveries, from a log of qmail-send. Stamps must be decimal: put tai64nunix in front.",
    ],
    options: [
      ["start TIME", "Pass over everything before TIME: a day (2024-03-09, local midnight) or seconds since 1970."],
      ["end TIME", "End behind TIME."],
      [
        "from PATTERN",
        "Only messages whose whole envelope sender fits the regular expression, whatever the case of letters.",
      ],
      ["stripstatus", "Leave status lines out."],
      ["addstatus", "Write a status line behind each start and end of a delivery that is kept."],
    ],
    exitCodes: [
      ["0", "done"],
      ["1", "called wrongly"],
      ["111", "input or output failed"],
    ],
    seeAlso: ["tai64nunix", "matchup", "quail trace"],
  },
  {
    name: "logselect",
    section: 8,
    purpose: "give the lines of a log between two moments",
    synopsis: ["logselect DIR START STOP"],
    description: [
      "Prints those lines of a multilog folder whose TAI64N label is START or later and before STOP. Lines without a label go with the line before.",
      "It may stand behind tcpserver to hand logs out: DIR is a name in the folder it is started in, and may have no slash.",
    ],
    exitCodes: [
      ["0", "done"],
      ["111", "called wrongly, or the log cannot be read; the reason is on standard error"],
    ],
    seeAlso: ["qlogselect"],
  },
  {
    name: "qfilelog",
    section: 8,
    purpose: "append a log to a file that something else rotates",
    synopsis: ["qfilelog FILE"],
    description: [
      "Appends standard input to FILE. Rename FILE and send HUP: what was written is synced, and a new FILE is begun. A disk that refuses is tried again every minute; nothing is lost meanwhile.",
    ],
    exitCodes: [
      ["0", "the input ended, or it was told to end (INT, TERM); all is on disk"],
      ["1", "called wrongly"],
    ],
    seeAlso: ["cyclog"],
  },
  {
    name: "teepipe",
    section: 8,
    purpose: "copy a stream to a program and to standard output",
    synopsis: ["teepipe PROGRAM [ ARG ... ]"],
    description: [
      "Gives standard input to PROGRAM and copies it to standard output. What PROGRAM prints goes to standard error.",
    ],
    exitCodes: [
      ["0..127", "PROGRAM's own"],
      ["100", "called wrongly"],
      ["111", "PROGRAM crashed, or it or standard output took no more"],
    ],
    seeAlso: ["multipipe"],
  },
  {
    name: "multipipe",
    section: 8,
    purpose: "copy a stream to any number of supervised services",
    synopsis: ["multipipe [ DIR ]"],
    description: [
      "Runs a supervise for each folder in DIR, and gives each a copy of standard input. Folders are looked for every five seconds: a new one is started, one that is gone gets no more. Names that begin with a dot, and supervise, do not count. The slowest reader sets the pace.",
      "When the input ends, or on INT, QUIT or TERM, all services are brought down.",
    ],
    exitCodes: [
      ["0", "all services have ended"],
      ["1", "there is no folder DIR"],
    ],
    seeAlso: ["spipe", "teepipe", "supervise"],
  },
  {
    name: "spipe",
    section: 8,
    purpose: "supervise a pipeline of services",
    synopsis: ["spipe DIR1 DIR2 ..."],
    description: [
      "Runs a supervise for each folder; what the service of one prints is the input of the next. The last is started first. On INT, QUIT or TERM they are brought down from the first to the last, so that what was written is read.",
    ],
    exitCodes: [
      ["0", "all services have ended"],
      ["1", "called wrongly"],
    ],
    seeAlso: ["multipipe", "supervise"],
  },
];

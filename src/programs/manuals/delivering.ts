import type { Manual, ManualRow } from "../manual.ts";

const deliveryCodes: readonly ManualRow[] = [
  ["0", "done"],
  ["100", "failed for good: the message bounces"],
  ["111", "failed for now: the delivery is tried again"],
];
const newSender: ManualRow = ["NEWSENDER", "The envelope sender of the forwarded message."];
const dtLine: ManualRow = ["DTLINE", "The Delivered-To line that is put on top."];
const sender: ManualRow = ["SENDER", "The envelope sender of the message."];

/** Programs for .qmail files and mailboxes. */
export const manuals: readonly Manual[] = [
  {
    name: "forward",
    section: 1,
    purpose: "forward a message from a .qmail file",
    synopsis: ["forward ADDRESS ..."],
    description: [
      "Queues the message on standard input for these addresses, with the Delivered-To line on top. Says under which number on standard error: forward: qp 17.",
      'In a .qmail file: |forward joe@far.example. A line &joe@far.example does the same without a program; forward is for addresses that are computed, as in |forward "$DEFAULT"@hub.example.',
    ],
    environment: [newSender, dtLine],
    exitCodes: deliveryCodes,
    seeAlso: ["dot-qmail", "condredirect"],
  },
  {
    name: "condredirect",
    section: 1,
    purpose: "forward a message if a program says so",
    synopsis: ["condredirect NEWADDRESS PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM with the message on its standard input. If it exits 0, the message goes to NEWADDRESS, from the sender it has, and the lines that follow in the .qmail file are skipped. If not, delivery goes on with the next line.",
    ],
    environment: [sender, dtLine],
    exitCodes: [
      ["0", "the program said no; go on"],
      ["99", "forwarded; that is all"],
      ["100", "called wrongly, or the queue refused the message for good"],
      ["111", "the program, or the queue, said: not now"],
    ],
    seeAlso: ["dot-qmail", "bouncesaying", "except"],
  },
  {
    name: "bouncesaying",
    section: 1,
    purpose: "bounce a message with your words",
    synopsis: ["bouncesaying TEXT [ PROGRAM [ ARGUMENT ... ] ]"],
    description: [
      "Bounces the message, with TEXT as the reason. With PROGRAM, only if that exits 0 with the message on its standard input; else delivery goes on with the next line.",
    ],
    exitCodes: [
      ["0", "the program said no; go on"],
      ["100", "the message bounces"],
      ["111", "the program said: not now"],
    ],
    seeAlso: ["dot-qmail", "condredirect", "except"],
  },
  {
    name: "except",
    section: 1,
    purpose: "turn a program's yes into no",
    synopsis: ["except PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM, with the message on its standard input, and exits 100 if it exits 0, 0 if it says no. As a line of its own it bounces what PROGRAM knows; behind condredirect or bouncesaying it turns the question around.",
    ],
    exitCodes: [
      ["0", "the program said no"],
      ["100", "the program exited 0"],
      ["111", "the program said: not now"],
    ],
    seeAlso: ["bouncesaying", "condredirect"],
  },
  {
    name: "preline",
    section: 1,
    purpose: "put the lines of an mbox in front of a message",
    synopsis: ["preline [ -frdFRD ] PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM with three lines in front of the message: From, Return-Path and Delivered-To. Programs that expect a message as it stands in an mbox file need them: |preline procmail.",
    ],
    options: [
      ["-f, -r, -d", "Leave out the From line, the Return-Path line, the Delivered-To line."],
      ["-F, -R, -D", "Put it in again."],
    ],
    environment: [["UFLINE, RPLINE, DTLINE", "The three lines."]],
    exitCodes: [
      ["100", "called wrongly, or there is no such program"],
      ["111", "the program was killed"],
      ["other", "as the program exits"],
    ],
    seeAlso: ["dot-qmail", "mbox"],
  },
  {
    name: "qreceipt",
    section: 1,
    purpose: "answer a request for a delivery notice",
    synopsis: ["qreceipt ADDRESS"],
    description: [
      "If the message has a field Notice-Requested-Upon-Delivery-To that names exactly ADDRESS, sends its sender a notice that it was delivered. Never answers a bounce.",
      "In a .qmail file: |qreceipt joe@example.org.",
    ],
    environment: [sender],
    exitCodes: [["0", "a notice is sent, or none was asked for"], ...deliveryCodes.slice(1)],
    seeAlso: ["dot-qmail"],
  },
  {
    name: "qbiff",
    section: 1,
    purpose: "tell terminals that mail has come",
    synopsis: ["qbiff"],
    description: [
      "Writes sender and first words of the message to each terminal on which the user is logged in and has said biff y. In a .qmail file: |qbiff.",
    ],
    environment: [["USER, LOCAL", "Whom to tell, and for which address it came."], sender],
    exitCodes: [["0", "always"]],
    seeAlso: ["dot-qmail"],
  },
  {
    name: "maildirmake",
    section: 1,
    purpose: "make a Maildir",
    synopsis: ["maildirmake DIR"],
    description: ["Makes DIR with tmp, new and cur in it, for its owner alone. Run it as the user the mailbox is for."],
    exitCodes: [
      ["0", "it is there"],
      ["100", "no name was given"],
      ["111", "it could not be made: it exists, or permissions forbid it"],
    ],
    seeAlso: ["maildir", "maildir2mbox"],
  },
  {
    name: "maildir2mbox",
    section: 1,
    purpose: "move mail from a Maildir to an mbox file",
    synopsis: ["maildir2mbox"],
    description: [
      "Appends all messages of the Maildir, oldest first, to the mbox file, and removes them from the Maildir once the new file is on disk. The mbox file is locked meanwhile. A crash in between leaves messages in both places, never in none.",
      "Relative names begin at the Maildir.",
    ],
    environment: [
      ["MAILDIR", "The Maildir."],
      ["MAIL", "The mbox file; made if it is not there."],
      ["MAILTMP", "A name on the same file system, for the new file while it is written."],
    ],
    exitCodes: [
      ["0", "done"],
      ["111", "nothing was moved; or, after a warning, some messages are in both places"],
    ],
    seeAlso: ["maildir", "mbox", "maildirmake"],
  },
  {
    name: "qmail-local",
    section: 8,
    purpose: "deliver a message to one local address",
    synopsis: ["qmail-local [ -nN ] USER HOMEDIR LOCAL DASH EXT DOMAIN SENDER DEFAULTDELIVERY"],
    description: [
      "Delivers the message on standard input to LOCAL@DOMAIN, as the .qmail files in HOMEDIR say (see dot-qmail). DASH is empty or -, EXT the extension. DEFAULTDELIVERY are the instructions for a user without a .qmail file. Runs as whoever calls it.",
      "A running Quail does this inside its local workers; the program is for tests, above all with -n.",
    ],
    options: [
      [
        "-n",
        "Deliver nothing; print what would be done: mbox, maildir, program, forward, a line each, and the counts.",
      ],
      ["-N", "Deliver. The default."],
    ],
    exitCodes: deliveryCodes,
    seeAlso: ["dot-qmail", "quail explain"],
  },
  {
    name: "qmail-remote",
    section: 8,
    purpose: "send a message to one host by SMTP",
    synopsis: ["qmail-remote HOST SENDER RECIPIENT ..."],
    description: [
      "Sends the message on standard input to the mail exchangers of HOST, or where control/smtproutes says, now and without the queue. For tests: it remembers no hosts that did not answer.",
      "Reports on standard output, each part ended by a NUL. First one for each recipient that was offered: r accepted, h refused for good, s refused for now. Then one for the message: K sent, Z not now, D never. Texts follow the letters.",
    ],
    files: [
      ["control/smtproutes", "Relays in place of mail exchangers."],
      ["control/helohost", "The name this host gives."],
      ["control/timeoutconnect, control/timeoutremote", "How long to wait, in seconds."],
      ["control/tlshosts/, control/notlshosts/", "Hosts that must, or must not, speak TLS."],
    ],
    exitCodes: [["0", "always: the report says the rest"]],
    seeAlso: ["quail trace", "qmail-tcpto", "qmail-control"],
  },
];

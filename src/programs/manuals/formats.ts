import type { Manual } from "../manual.ts";

/** Files and formats: section 5. (qmail-control is made from the catalogue, see `control-manual.ts`.) */
export const manuals: readonly Manual[] = [
  {
    name: "dot-qmail",
    section: 5,
    purpose: "what is done with mail for an address",
    synopsis: ["~/.qmail", "~/.qmail-EXT"],
    description: [
      "A user's .qmail file says how his mail is delivered. Mail for the user himself is handled by .qmail; mail for USER-EXT by .qmail-EXT. Without .qmail, or if it is empty, control/defaultdelivery says what is done; without .qmail-EXT there is no such mailbox.",
      "In the name of the file EXT is in lower case, and dots are colons. If .qmail-EXT is not there, .qmail-default is tried with more and more of the end replaced, a part behind a hyphen at a time: for a-b-c, .qmail-a-b-default, .qmail-a-default, .qmail-default.",
      "Mail for addresses that are no user's goes to the user alias: alias/.qmail-NAME in the home.",
    ],
    sections: [
      {
        title: "lines",
        paragraphs: [
          "They are carried out from the top. Blanks and tabs at the end of a line do not count; those at its beginning do.",
        ],
        rows: [
          ["#COMMENT", "Nothing."],
          ["|COMMAND", "The command runs by sh in the home folder, with the message on its standard input."],
          ["/FILE or ./FILE", "The message is appended to an mbox file. See mbox."],
          ["/DIR/ or ./DIR/", "The message is put into a Maildir. See maildir."],
          ["&ADDRESS", "The message is forwarded. A line that begins with a letter or digit is an address, too."],
          ["+list", "From here on only forwards are allowed, as if the file had its x bit."],
        ],
      },
      {
        title: "rules",
        paragraphs: [
          "The first line that fails ends the delivery: it is tried again, or bounces. Lines before it have been carried out; the queue sees to it that a Maildir gets no second copy.",
          "Forwards are gathered and queued as one message after all other lines. The sender of forwards is the message's, unless .qmail-EXT-owner exists: then it is LOCAL-owner@HOST, and with .qmail-EXT-owner-default one for each recipient (VERP).",
          "A file with comments only throws mail away. A first line that is blank makes mail wait.",
          "If the home or the file may be written by others, or the home is sticky, mail waits. If the owner's x bit of the file is set, only forwards are allowed.",
          "A message whose header has our own Delivered-To line already is looping, and bounces.",
        ],
      },
      {
        title: "exit codes of commands",
        rows: [
          ["0", "done; go on"],
          ["99", "done; skip the lines that follow"],
          ["100, 64, 65, 70, 76, 77, 78, 112", "the message bounces; what the command printed is the reason"],
          ["111, and all others", "not now; try again"],
        ],
      },
    ],
    environment: [
      ["SENDER, NEWSENDER", "The envelope sender; the sender that forwards get."],
      ["RECIPIENT, LOCAL, HOST", "The address, and its two parts."],
      ["HOST2, HOST3, HOST4", "HOST up to its last, its last but one, its last but two dot."],
      ["EXT, EXT2, EXT3, EXT4", "The extension; what follows its first, second, third hyphen."],
      ["DEFAULT", "What default stands for in the name of the file."],
      ["USER, HOME", "The user, and his home folder."],
      ["UFLINE, RPLINE, DTLINE", "The From, Return-Path and Delivered-To lines, with their line ends."],
    ],
    seeAlso: ["qmail-local", "qmail-users", "forward", "condredirect", "bouncesaying", "preline", "maildir", "mbox"],
  },
  {
    name: "addresses",
    section: 5,
    purpose: "mail addresses",
    synopsis: ["LOCAL@DOMAIN"],
    description: [
      "What follows the last @ is the domain. Domains are compared without regard to case; a local part keeps its case, but users, extensions and .qmail files are looked up in lower case.",
      "An address has at most 1002 bytes, 899 in SMTP. It is bytes: characters beyond ASCII are taken as they are (SMTPUTF8).",
      "In headers and in SMTP, local parts with odd characters stand in quotes or behind backslashes. In envelopes, control files and .qmail files they do not: there an address is exactly its characters.",
    ],
    sections: [
      {
        title: "special addresses",
        rows: [
          [
            "(empty)",
            "As a sender: a bounce, nobody wants an answer. As a recipient, the empty local part: thrown away.",
          ],
          ["#@[]", "As a sender: a bounce that bounced."],
          ["LIST@HOST-@[]", "As a sender: one for each recipient. For JOE@FAR it becomes LISTJOE=FAR@HOST."],
          ["LOCAL@[192.0.2.1]", "A host by its number. If that is this host, control/localiphost is put in its place."],
        ],
      },
    ],
    seeAlso: ["envelopes", "qmail-header", "qmail-users"],
  },
  {
    name: "envelopes",
    section: 5,
    purpose: "who sent a message, and whom it goes to",
    synopsis: ["F SENDER NUL, T RECIPIENT NUL ..., NUL"],
    description: [
      "The mail system goes by the envelope, never by the header. A bounce goes to the envelope sender.",
      "For each recipient, once, when the message is queued: without an @ it gets @ and control/envnoathost; if its domain is in control/percenthack, user%host@domain becomes user@host; if its domain is in control/locals, it is local; if control/virtualdomains has it, it is local with the user's name in front; else it is remote.",
      "qmail-queue reads an envelope from descriptor 1 in the form above, without the blanks and commas. In SMTP it is MAIL FROM and RCPT TO.",
    ],
    seeAlso: ["addresses", "qmail-queue", "qmail-control"],
  },
  {
    name: "qmail-header",
    section: 5,
    purpose: "header fields that are read, completed and added",
    synopsis: ["NAME: CONTENT"],
    description: [
      "Only qmail-inject changes a header. SMTP, the queue and deliveries pass messages on byte for byte, and put lines on top.",
    ],
    sections: [
      {
        title: "completed by qmail-inject",
        paragraphs: [
          "In To, Cc, Bcc, Apparently-To, Sender, From, Reply-To, Return-Receipt-To, Errors-To, and their Resent- forms:",
        ],
        rows: [
          ["ann", "gets @ and control/defaulthost"],
          ["ann@web", "gets . and control/defaultdomain, since the host has no dot"],
          ["ann@web+", "the + becomes . and control/plusdomain"],
          ["ann joe", "two addresses: the comma that is missing is put in"],
          ["<@relay:ann@web.example>", "loses its route"],
        ],
      },
      {
        title: "added by qmail-inject when missing",
        rows: [
          ["Date", "In GMT: 26 Sep 1995 04:46:53 -0000."],
          ["Message-ID", "<YYYYMMDDhhmmss.NUMBER.qmail@IDHOST>."],
          ["From", "The user's name and address."],
          ["Cc", "recipient list not shown: ; if there is neither To nor Cc."],
          ["Mail-Followup-To", "If QMAILMFTFILE asks for it."],
        ],
      },
      {
        title: "put on top",
        rows: [
          ["Received", "By SMTP: who sent it, as whom, when. By the queue: its number, and who handed it in."],
          ["Delivered-To", "By each delivery and forward: for which address. It stops loops."],
          ["Return-Path", "By a delivery to a mailbox: the envelope sender."],
        ],
      },
    ],
    seeAlso: ["qmail-inject", "addresses"],
  },
  {
    name: "maildir",
    section: 5,
    purpose: "a mailbox that is a folder",
    synopsis: ["DIR/new/", "DIR/cur/", "DIR/tmp/"],
    description: [
      "Each message is a file. A delivery writes it in tmp, syncs it to disk, and moves it to new: a reader sees all of a message or nothing. A mail reader moves what it has shown to cur, and appends :2, and letters to its name: S seen, R replied, F flagged, T trashed, P passed, D draft.",
      "There are no locks. Several programs may deliver and read at the same time, also over NFS. File names are unique, and say nothing; those that begin with a dot are not messages.",
      "Quail makes the name from the number of the queued message and recipient, so that a delivery which is repeated after a crash finds its file.",
      "Files that stay in tmp for longer than 36 hours are left over from crashes, and may be removed.",
    ],
    seeAlso: ["maildirmake", "dot-qmail", "mbox"],
  },
  {
    name: "mbox",
    section: 5,
    purpose: "a mailbox that is a file",
    synopsis: ["FILE"],
    description: [
      "Messages stand one after the other. Each begins with a line From, a blank, the envelope sender, the date in GMT; it ends with an empty line. Lines within a message that begin with From and a blank, also behind any number of >, have one more > in front (mboxrd).",
      "A delivery locks the file with flock, for 30 seconds at most, appends, and syncs; if it fails, the file gets its old length. Over NFS, locks are not to be trusted: use a Maildir.",
    ],
    sections: [
      {
        title: "example",
        example: [
          "From joe@far.example Thu Nov 23 10:12:08 1995",
          "Return-Path: <joe@far.example>",
          "Delivered-To: ann@example.org",
          "Subject: example",
          "",
          ">From now on, lines like this one have a mark.",
          "",
        ],
      },
    ],
    seeAlso: ["dot-qmail", "maildir", "maildir2mbox"],
  },
  {
    name: "qmail-log",
    section: 5,
    purpose: "what the logs say",
    synopsis: ["log/SERVICE/current"],
    description: [
      "Each service has a folder. Lines go to current, with a TAI64N time stamp in front; at 10 MB it becomes @STAMP.s, and ten of those are kept. quail trace puts the lines about a message together.",
      "In addresses and reports, blanks and bytes that are not printable, and %, become _; line ends become /.",
    ],
    sections: [
      {
        title: "log/queue",
        rows: [
          ["status: local L/M remote R/N", "Attempts that run, and how many may. exitasap: we are stopping."],
          ["new msg ID", "A message is in the queue."],
          ["info msg ID: bytes B from <S> qp ID uid U", "Its size, its sender, who handed it in."],
          ["starting delivery D: msg ID to local ADDRESS", "An attempt begins; to remote ADDRESS for other hosts."],
          ["delivery D: success: REPORT", "The recipient is finished."],
          ["delivery D: deferral: REPORT", "It failed for now."],
          ["delivery D: failure: REPORT", "It failed for good."],
          ["bounce msg ID qp BOUNCE", "Message BOUNCE tells the sender what failed."],
          ["delaynotice msg ID qp NOTICE", "Message NOTICE tells the sender that ID is late."],
          ["triple bounce: discarding bounce/ID", "A bounce of a bounce of a bounce is thrown away."],
          ["end msg ID", "The message is gone from the queue."],
          ["status: exiting", "The service has ended in order."],
          ["alert: ..., warning: ...", "Trouble."],
        ],
      },
      {
        title: "log/smtpd",
        rows: [
          [
            "smtpd accept id= ip= helo= from= to= recipients= bytes= qp=",
            "A message is in the queue, under number qp.",
          ],
          ["smtpd reject id= ip= reason= code= from= to=", "A command or message was refused."],
          [
            "smtpd session id= ip= accepted= rejected= bytes= seconds= end=",
            "A session is over; end is quit, eof, timeout, lost and others.",
          ],
          ["smtpd refuse ip= reason=", "A connection got no session: full, host-full, rules, proxy, controls."],
        ],
      },
    ],
    seeAlso: ["quail trace", "quail start"],
  },
  {
    name: "qmail-users",
    section: 5,
    purpose: "which user an address belongs to",
    synopsis: ["users/assign", "users/cdb"],
    description: [
      "users/assign gives local addresses to users. qmail-newu makes users/cdb from it, which deliveries read. What it does not name is looked up among the system's accounts, as qmail-getpw tells; what is nobody's goes to alias.",
    ],
    sections: [
      {
        title: "lines",
        rows: [
          ["=LOCAL:USER:UID:GID:HOME:DASH:EXT:", "Exactly LOCAL."],
          ["+PREFIX:USER:UID:GID:HOME:DASH:PRE:", "Whatever begins with PREFIX; the extension is PRE and the rest."],
          [".", "The end. Without it nothing counts."],
        ],
        paragraphs: [
          "The file that controls the delivery is HOME/.qmail followed by DASH and EXT. = beats +, a longer PREFIX a shorter one, of equal lines the first. Case does not matter. Uid 0 gets no mail.",
        ],
        example: [
          "=joe:joe:507:100:/home/joe:::",
          "+joe-:joe:507:100:/home/joe:-::",
          "+:alias:7790:2108:/var/qmail/alias:-::",
          ".",
        ],
      },
    ],
    seeAlso: ["qmail-newu", "qmail-pw2u", "qmail-getpw", "dot-qmail"],
  },
  {
    name: "tcp-environ",
    section: 5,
    purpose: "what servers are told about a connection",
    synopsis: ["PROTO=TCP TCPREMOTEIP=... PROGRAM"],
    description: [
      "Servers that speak on standard input and output (qmail-smtpd, qmail-qmtpd, qmail-qmqpd) learn from these variables who is there. tcpserver and tcp-env set them, and rules add others.",
    ],
    environment: [
      ["PROTO", "TCP."],
      ["TCPREMOTEIP, TCPREMOTEPORT", "The client's address and port."],
      ["TCPREMOTEHOST", "Its name, if DNS has one."],
      ["TCPREMOTEINFO", "Who it says its user is."],
      ["TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST", "This end."],
      ["RELAYCLIENT, DATABYTES, QMAILQUEUE", "By rules: see qmail-smtpd."],
    ],
    seeAlso: ["qmail-smtpd", "tcp-env"],
  },
];

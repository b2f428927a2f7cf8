import type { Manual } from "../manual.ts";

/** Programs that write logs, their stamps, and files that are whole or not there. */
export const manuals: readonly Manual[] = [
  {
    name: "multilog",
    section: 8,
    purpose: "put lines into logs that are rotated by themselves",
    synopsis: ["multilog ACTION ..."],
    description: [
      "Reads lines from standard input and carries out the actions for each, in their order. Every line is selected to begin with. Without a folder among the actions the lines are read and thrown away.",
      "No line is lost: where a disk is full or refuses, multilog says so on standard error, waits five seconds and tries again, and whoever writes the lines waits with it.",
      "TERM ends it behind the line it is within; what follows stays for the next reader of the pipe. ALRM begins a new file in every folder.",
    ],
    sections: [
      {
        title: "actions",
        rows: [
          ["t", "Put a TAI64N stamp and a blank before each line; only as the first action. See tai64n."],
          ["T", "The same with seconds and microseconds since 1970."],
          ["-PATTERN", "Deselect the line if it fits."],
          ["+PATTERN", "Select it if it fits."],
          ["e", "Print a selected line on standard error, no more than 200 bytes of it."],
          ["=FILE", "Put the first 1000 bytes of a selected line into FILE, filled up to 1001 with line ends."],
          ["sSIZE", "Folders that follow: no file gets larger than SIZE bytes (99999; 4096 to 16777215)."],
          ["nNUMBER", "Folders that follow: keep NUMBER files, with the one that grows (10; at least 2)."],
          ["!COMMAND", "Folders that follow: a full file goes through this shell command. ! alone: none."],
          ["wSUFFIX", "Folders that follow: the end of old files' names (s)."],
          ["F, S", "Patterns that follow are the shell's; are multilog's own again."],
          ["DIR", "Append a selected line to the log in DIR, which begins with / or a dot."],
        ],
      },
      {
        title: "patterns",
        paragraphs: [
          "A * before a character stands for anything without that character, and stops at the first one; a * at the end stands for anything. Every other character stands for itself, and the whole line must fit, its stamp included. Only the first 1000 bytes are compared; the log gets the whole line.",
        ],
      },
      {
        title: "a folder",
        paragraphs: [
          "It is made if it is missing, and locked by one multilog at a time. A file is full when a line ends within the last 2000 bytes of its size. It is then synced and renamed; the oldest are removed.",
        ],
        rows: [
          ["current", "The file that grows: mode 0644 while multilog runs, 0744 when it has ended properly."],
          ["@TIME.s", "A file that was full at that moment (TAI64N), whole and on disk."],
          ["@TIME.u", "A file that was growing when multilog or the machine came to a sudden end."],
          ["state", "What the last processor wrote to descriptor 5."],
          ["lock, previous, processed, newstate", "Work in progress."],
        ],
      },
      {
        title: "processors",
        paragraphs: [
          "The command runs in the folder. It reads the full file on standard input; what it prints is kept in its place. Descriptor 4 reads what the command wrote to descriptor 5 the last time. If it fails it is run again on the same input after five seconds. Lines wait meanwhile.",
        ],
      },
    ],
    exitCodes: [
      ["0", "end of input, or TERM"],
      ["111", "a folder that is locked or cannot be opened"],
    ],
    seeAlso: ["tai64n", "tai64nlocal", "setuidgid", "qmail-log"],
  },
  {
    name: "tai64n",
    section: 8,
    purpose: "put a stamp before each line",
    synopsis: ["tai64n"],
    description: [
      "Copies standard input to standard output with a TAI64N stamp and a blank before each line: @, 16 hexadecimal digits for seconds and 8 for nanoseconds, of the moment when the line began. Stamps sort as text.",
    ],
    seeAlso: ["tai64nlocal", "multilog"],
  },
  {
    name: "tai64nlocal",
    section: 8,
    purpose: "show stamps as local time",
    synopsis: ["tai64nlocal"],
    description: [
      "Copies standard input to standard output; a TAI64N stamp at the beginning of a line becomes date and time in the local time zone. Everything else stays as it is.",
    ],
    environment: [["TZ", "The time zone, as US/Pacific."]],
    seeAlso: ["tai64n", "multilog"],
  },
  {
    name: "safecat",
    section: 1,
    purpose: "write a file that is whole or not there",
    synopsis: ["safecat TMPDIR DESTDIR"],
    description: [
      "Copies standard input to a new file of DESTDIR and prints its name. The file is written in TMPDIR, synced, and linked: in DESTDIR it is whole and on disk. TMPDIR must lie on the same disk: safecat DIR/tmp DIR/new puts a message into a Maildir. After 24 hours it gives up.",
    ],
    exitCodes: [
      ["0", "the file is on disk"],
      ["100", "wrong usage"],
      ["111", "not written; nothing is left"],
    ],
    seeAlso: ["maildir", "syncdir", "maildirmake"],
  },
  {
    name: "syncdir",
    section: 1,
    purpose: "make the entries of folders durable",
    synopsis: ["syncdir DIR ..."],
    description: [
      "For scripts: after a file was made, renamed or removed, a power cut may undo that until its folder is synced. The library of this name, which synced behind every program's back, is not needed with Quail: its programs sync the folders they change.",
    ],
    exitCodes: [
      ["0", "all are synced"],
      ["100", "wrong usage"],
      ["111", "one is not"],
    ],
    seeAlso: ["safecat"],
  },
];

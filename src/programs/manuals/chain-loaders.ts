import type { Manual, ManualRow } from "../manual.ts";

const goesOn =
  "It then becomes the program: the process number, the descriptors and whoever waits stay the same. If the program is one of Quail's it runs in this very process. Without the package koffi it runs as a child; signals are passed on, and its exit code comes back.";

const trouble: ManualRow = ["111", "the program cannot be run, or not for now"];
const misuse: ManualRow = ["100", "wrong usage"];
const theirs: ManualRow = ["other", "what the program says"];

/** daemontools' programs that change something and go on to another program. */
export const manuals: readonly Manual[] = [
  {
    name: "envdir",
    section: 8,
    purpose: "run a program with variables from files",
    synopsis: ["envdir [ -p PREFIX ] DIR PROGRAM [ ARG ... ]"],
    description: [
      "Each file of the folder sets the variable of its name to its first line, without blanks and tabs at the end; a NUL in it becomes a line end. An empty file unsets the variable. Files whose names begin with a dot do not count; a name with = is refused.",
      goesOn,
    ],
    options: [["-p PREFIX", "Put PREFIX in front of the names."]],
    exitCodes: [["111", "wrong usage, a file that cannot be read, or no such program"], theirs],
    seeAlso: ["envuidgid", "setuidgid", "softlimit", "setlock"],
  },
  {
    name: "envuidgid",
    section: 8,
    purpose: "run a program with the numbers of an account in UID and GID",
    synopsis: ["envuidgid ACCOUNT PROGRAM [ ARG ... ]"],
    description: [
      "The program may become that user itself, after it has done what needs root: tcpserver -U does. Nothing else is changed.",
      goesOn,
    ],
    exitCodes: [misuse, ["111", "no such account or program"], theirs],
    seeAlso: ["setuidgid", "envdir"],
  },
  {
    name: "envini",
    section: 8,
    purpose: "run a program with variables from one file",
    synopsis: ["envini [ -p PREFIX ] FILE PROGRAM [ ARG ... ]"],
    description: [
      "Each line NAME = VALUE of the file sets a variable, without blanks around both. Behind a line [SECTION] names begin with SECTION_. Other lines do not count.",
      goesOn,
    ],
    options: [["-p PREFIX", "Put PREFIX in front of the names."]],
    exitCodes: [["111", "wrong usage, a file that cannot be read, or no such program"], theirs],
    seeAlso: ["envdir"],
  },
  {
    name: "setuser",
    section: 8,
    purpose: "run a program as another user, at home",
    synopsis: ["setuser ACCOUNT PROGRAM [ ARG ... ]"],
    description: [
      "As setuidgid -s, and goes to the account's home, with HOME, USER, SHELL, UID and GID of the account in the environment.",
      goesOn,
    ],
    exitCodes: [misuse, ["111", "no such account, home or program, or not allowed"], theirs],
    seeAlso: ["setuidgid", "envuidgid"],
  },
  {
    name: "setuidgid",
    section: 8,
    purpose: "run a program as another user",
    synopsis: ["setuidgid [ -s ] ACCOUNT PROGRAM [ ARG ... ]"],
    description: [
      "Takes the account's uid and gid, and no further group. The environment stays as it is: HOME and USER are still the caller's. Only root may become another user.",
      goesOn,
    ],
    options: [["-s", "Keep the account's further groups."]],
    exitCodes: [misuse, ["111", "no such account or program, or not allowed"], theirs],
    seeAlso: ["envuidgid", "envdir"],
  },
  {
    name: "softlimit",
    section: 8,
    purpose: "run a program with limits on what it may use",
    synopsis: ["softlimit [ -acdflmoprst N ] ... PROGRAM [ ARG ... ]"],
    description: [
      "Sets soft limits; they hold for the program and all that it starts. = stands for the hard limit, which a number above it is cut to; - takes soft and hard limits away.",
      "A limit on memory counts what Node reserves, which is more than 1 GB. So if the program is one of Quail's, limits on address space, data and stack below what Node can live with are left out, and that is told on standard error. Limit such a service's memory by its control group (systemd: MemoryMax).",
      goesOn,
    ],
    options: [
      ["-a N", "Bytes of address space."],
      ["-c N", "Bytes of a core file."],
      ["-d N", "Bytes of data."],
      ["-f N", "Bytes of a file that is written."],
      ["-l N", "Bytes of locked memory."],
      ["-m N", "The same for data, stack, locked memory and address space."],
      ["-o N", "Open files."],
      ["-p N", "Processes of this user."],
      ["-r N", "Bytes resident in memory."],
      ["-s N", "Bytes of stack."],
      ["-t N", "Seconds of CPU time."],
    ],
    environment: [
      [
        "SOFTLIMIT_ALLBYTES, _COREBYTES, _DATABYTES, _FILEBYTES, _LOCKEDBYTES, _MEMBYTES, _OPENFILES, _PROCS, _RSSBYTES, _STACKBYTES, _CPUSECS",
        "The same as the option, unless that is given.",
      ],
    ],
    exitCodes: [misuse, trouble, theirs],
    seeAlso: ["setuidgid", "envdir"],
  },
  {
    name: "setlock",
    section: 8,
    purpose: "run a program while a file is locked",
    synopsis: ["setlock [ -nNxX ] FILE PROGRAM [ ARG ... ]"],
    description: [
      "Opens the file, which is made if it is missing and never changed, and takes an exclusive lock (flock) on it. The lock is held until the program, and everything it started that still has the descriptor, has ended. Locks are for local disks, not for NFS.",
      goesOn,
    ],
    options: [
      ["-n", "Do not wait for another's lock: give up."],
      ["-N", "Wait (as without options)."],
      ["-x", "If there is no lock to be had, end with 0 and say nothing."],
      ["-X", "Say why, and end with 111 (as without options)."],
    ],
    exitCodes: [misuse, ["111", "no lock, or no such program"], theirs],
    seeAlso: ["envdir", "softlimit"],
  },
];

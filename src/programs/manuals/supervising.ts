import type { Manual } from "../manual.ts";

const wrongCall = ["100", "called wrongly"] as const;

/** daemontools' supervising half. */
export const manuals: readonly Manual[] = [
  {
    name: "supervise",
    section: 8,
    purpose: "keep a service running",
    synopsis: ["supervise DIR"],
    description: [
      "Runs ./run in DIR, and again whenever it ends, at most once a second. Obeys what svc writes into DIR/supervise/control and tells svstat how things are in DIR/supervise/status, byte for byte as daemontools does.",
      "If the last supervise of DIR was killed and its service still runs, it is taken over: no second copy is started.",
      "TERM and INT stop the service and then end supervise; TSTP pauses, CONT goes on.",
    ],
    files: [
      ["DIR/run", "The service: an executable, started in DIR without arguments."],
      ["DIR/down", "If it is there, the service is not started before somebody says svc -u."],
      ["DIR/start", "Runs before run, each time the service is wanted up. If it fails the service stays down."],
      ["DIR/stop", "Runs when the service has ended and is not wanted."],
      ["DIR/notify", "Runs whenever a process comes or goes: notify SCRIPT start|exit|killed PID CODE."],
      [
        "DIR/notification-fd",
        "The number of a descriptor on which run writes a line when it is ready; svstat says starting until then.",
      ],
      ["DIR/no-setsid", "If it is there, run gets no session of its own."],
      ["DIR/supervise/", "lock, control, ok, status; and status.json, the same for programs."],
    ],
    environment: [
      [
        "SUPERVISEDIR",
        "The name of the folder supervise. An absolute one holds the state of many services, outside theirs.",
      ],
      ["LISTEN_FDS", "So many descriptors from 3 on are handed to the service."],
    ],
    exitCodes: [
      ["0", "it was told to exit, and the service has ended"],
      wrongCall,
      ["111", "DIR cannot be had; standard error says why"],
    ],
    seeAlso: ["svc", "svstat", "svscan"],
  },
  {
    name: "svscan",
    section: 8,
    purpose: "keep all services of a directory running",
    synopsis: ["svscan [ DIR ]"],
    description: [
      "Supervises every directory in DIR, by default the working directory, whose name does not begin with a dot, all in this one process. If such a directory has a directory log, that is a service too, and what the first writes goes to it through a pipe that stays when either is started again. New directories are found within five seconds; what is removed is left to itself until it ends.",
      "TERM and INT end every service, then its log, then svscan; a second one kills what is left. HUP and ALRM look for new directories at once. When svscan is killed its services go on, and the next svscan takes them over.",
      "As process 1 of a container it looks after orphans.",
    ],
    exitCodes: [["0", "it was told to end, and all has ended"], wrongCall, ["111", "DIR cannot be had"]],
    seeAlso: ["supervise", "svc", "svstat", "quail start"],
  },
  {
    name: "svc",
    section: 8,
    purpose: "control services",
    synopsis: ["svc [ -udoxpchaitkq12w+= ] DIR ..."],
    description: ["Tells the supervise of each DIR what to do, in the order of the letters."],
    options: [
      [
        "-u, -d, -o",
        "Up: start it, and again whenever it ends. Down: TERM and CONT, and not again. Once: start it, and not again.",
      ],
      ["-x", "Exit as soon as the service is down."],
      ["-p, -c", "Pause (STOP), continue (CONT)."],
      ["-h, -a, -i, -t, -k", "Send HUP, ALRM, INT, TERM, KILL."],
      ["-q, -1, -2, -w", "Send QUIT, USR1, USR2, WINCH."],
      ["-+, -=", "Signals behind it go to the whole process group, or to the process alone again."],
    ],
    exitCodes: [
      ["0", "always else; standard error tells of services that could not be reached"],
      ["100", "there is no such option"],
    ],
    seeAlso: ["svstat", "supervise"],
  },
  {
    name: "svok",
    section: 8,
    purpose: "ask whether a supervise is at work",
    synopsis: ["svok DIR"],
    description: ["Says nothing, but for trouble."],
    exitCodes: [
      ["0", "yes"],
      ["100", "no, or called wrongly"],
      ["111", "that cannot be known"],
    ],
    seeAlso: ["svstat", "supervise"],
  },
  {
    name: "svstat",
    section: 8,
    purpose: "show what services do",
    synopsis: ["svstat [ -L ] [ -l ] [ --json ] DIR ..."],
    description: [
      "Prints a line for each DIR: up with its process number, or down; for how many seconds; normally down or normally up if the file down says otherwise; paused; want up or want down. A service with more to tell (supervise) is also starting, running, stopping, stopped, started or failed.",
    ],
    options: [
      ["-l", "Only the service."],
      ["-L", "Only its log, where one supervise has both."],
      ["--json", "The same as JSON."],
    ],
    exitCodes: [["0", "always else"], wrongCall],
    seeAlso: ["svc", "svok", "svup"],
  },
  {
    name: "svup",
    section: 8,
    purpose: "ask whether a service is up",
    synopsis: ["svup [ -L ] [ -l ] DIR"],
    description: ["Looks at the service (-l), its log where one supervise has both (-L), or both."],
    exitCodes: [
      ["0", "up"],
      ["100", "down, or nobody supervises it"],
      ["111", "that cannot be known"],
    ],
    seeAlso: ["svstat", "svok"],
  },
  {
    name: "readproctitle",
    section: 8,
    purpose: "show the end of a log in the list of processes",
    synopsis: ["readproctitle WORD ... WINDOW"],
    description: [
      "Reads standard input and shows the end of it, as ps prints it, in place of its last argument, which should be long: svscan /service 2>&1 | readproctitle service errors: ................",
    ],
    exitCodes: [
      ["0", "the input has ended"],
      ["100", "WINDOW has fewer than five bytes"],
      ["111", "it cannot be read"],
    ],
    seeAlso: ["svscan"],
  },
  {
    name: "fghack",
    section: 8,
    purpose: "keep a daemon in the foreground",
    synopsis: ["fghack PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs a program that puts itself into the background, and waits until every process that came of it has ended, so that supervise can keep it. Signals do not reach what is in the background.",
    ],
    exitCodes: [
      ["0 and up", "as PROGRAM exits"],
      ["100", "called wrongly"],
      ["111", "PROGRAM crashed or cannot be run"],
    ],
    seeAlso: ["supervise"],
  },
  {
    name: "pgrphack",
    section: 8,
    purpose: "run a program in a process group of its own",
    synopsis: ["pgrphack PROGRAM [ ARGUMENT ... ]"],
    description: [
      "Runs PROGRAM, in the same process, as the leader of a new session and process group, so that a signal it sends to its group reaches nobody else.",
    ],
    exitCodes: [
      ["0 and up", "as PROGRAM exits"],
      ["100", "called wrongly"],
      ["111", "PROGRAM cannot be run"],
    ],
    seeAlso: ["supervise"],
  },
  {
    name: "svscanboot",
    section: 8,
    purpose: "start svscan with the machine",
    synopsis: ["svscanboot [ DIR ]"],
    description: [
      "Ends what an earlier svscan left in DIR, then does what svscan does, with nothing in the environment but PATH. What svscan and services without a log say on standard error shows in the name of this process, as ps prints it. DIR is /service, or /etc/service if only that exists.",
      "As the first process of a container, or from a unit of systemd.",
    ],
    exitCodes: [["0", "it was told to end, and all has ended"]],
    seeAlso: ["svscan", "readproctitle"],
  },
];

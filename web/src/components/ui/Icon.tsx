/** Line icons of 16 px; drawn in the text's colour, silent for screen readers. */

const paths = {
  home: "M2.5 7 8 2.5 13.5 7v6a.5.5 0 0 1-.5.5H9.8V9.6H6.2v3.9H3a.5.5 0 0 1-.5-.5z",
  box: "m8 1.8 5.5 3v6.4L8 14.2l-5.5-3V4.8zM2.7 4.9 8 7.8l5.3-2.9M8 7.8v6.2",
  sync: "M13.4 6.5A5.6 5.6 0 0 0 3.3 5M2.6 9.5A5.6 5.6 0 0 0 12.7 11M3.2 2v3.1h3.1M12.8 14v-3.1H9.7",
  search: "M11.5 7a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0M10.5 10.5l3.2 3.2",
  x: "m4 4 8 8M12 4l-8 8",
  check: "m3.5 8.5 3 3 6-7",
  down: "m4.5 6.5 3.5 3.5 3.5-3.5",
  right: "m6 4 4 4-4 4",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5z",
  sun: "M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6M8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  screen: "M2.5 3h11a.5.5 0 0 1 .5.5v7a.5.5 0 0 1-.5.5h-11a.5.5 0 0 1-.5-.5v-7a.5.5 0 0 1 .5-.5M5.5 13.5h5M8 11v2.5",
  help: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M6.3 6.3A1.8 1.8 0 1 1 8.6 8c-.4.2-.6.5-.6.9v.2M8 11.4v.1",
  export: "M8 2v7.5M5 6.7l3 3 3-3M2.5 11.5v2h11v-2",
  spin: "M8 2a6 6 0 1 1-6 6",
  clock: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M8 4.5V8l2.3 1.5",
  alert: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1",
  error: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2",
  ok: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M5.3 8.2l1.9 1.9 3.6-4.2",
  wait: "M4.5 2h7M4.5 14h7M5.3 2v2.4L8 8l2.7-3.6V2M5.3 14v-2.4L8 8l2.7 3.6V14",
  offline: "M2 6.2a9 9 0 0 1 12 0M4.4 8.9a5.5 5.5 0 0 1 7.2 0M8 12.2v.1M3 2.5l10 11",
  plug: "M5.5 2v3M10.5 2v3M3.8 5h8.4v2.5a4.2 4.2 0 0 1-8.4 0zM8 11.7V14",
  filter: "M2 3.5h12M4.5 8h7M6.5 12.5h3",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  stop: "M5 4h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1",
  open: "M6.5 3.5H3v9.5h9.5V9.5M9.5 2.5h4v4M13.3 2.7 7.5 8.5",
  skip: "M3.5 4 8 8l-4.5 4M8.5 4 13 8l-4.5 4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, className = "" }: { name: IconName; className?: string }) {
  return (
    <svg className={`ico ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

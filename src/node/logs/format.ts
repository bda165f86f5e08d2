/** One line of the CRI log format: `<RFC3339Nano> stdout|stderr F|P text`. */
export interface LogLine {
  time: string;
  stream: 'stdout' | 'stderr';
  /** The text goes on in the next entry. */
  partial: boolean;
  text: string;
}

/** Undefined for anything that is not in the format (a torn write, an empty line). */
export function parseLine(line: string): LogLine | undefined {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  if (first <= 0 || second < 0) return undefined;
  const third = line.indexOf(' ', second + 1);
  const stream = line.slice(first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tag = third < 0 ? line.slice(second + 1) : line.slice(second + 1, third);
  return { time: line.slice(0, first), stream, partial: tag.split(':')[0] === 'P', text: third < 0 ? '' : line.slice(third + 1) };
}
export const formatLine = (time: string, stream: 'stdout' | 'stderr', text: string): string => `${time} ${stream} F ${text}\n`;

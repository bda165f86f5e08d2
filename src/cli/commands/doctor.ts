import { diagnose } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'doctor',
  summary: 'check this machine, and say how to mend what is missing',
  options: { ...instanceOptions, json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    const checks = await diagnose(pathOptions(args));
    if (flag(args, 'json')) print(JSON.stringify(checks, null, 2));
    else {
      for (const c of checks) {
        print(`${c.ok ? '✓' : c.level === 'fatal' ? '✗' : '!'} ${c.name.padEnd(32)} ${c.detail}`);
        if (!c.ok && c.fix) print(`    fix: ${c.fix}`);
      }
    }
    return checks.some((c) => !c.ok && c.level === 'fatal') ? 1 : 0;
  },
};

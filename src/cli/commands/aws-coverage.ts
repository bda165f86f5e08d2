import { awsCoverage } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'aws-coverage',
  summary: 'list the AWS actions that this version has and those that it answers with NotImplemented',
  options: { ...instanceOptions, json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    const coverage = await awsCoverage(pathOptions(args));
    if (flag(args, 'json')) print(JSON.stringify(coverage, null, 2));
    else {
      for (const { service, implemented, missing } of coverage) {
        print(`${service}: ${implemented.length} of ${implemented.length + missing.length} actions`);
        if (missing.length > 0) print(`  not implemented: ${missing.join(', ')}`);
      }
    }
    return 0;
  },
};

import type { CommandDefinition } from '../../command.ts';
import { flag, text } from '../../parsing/options.ts';

export const doctor: CommandDefinition = {
  name: 'doctor',
  summary: 'find out why something does not work',
  description: 'It checks each step between this client and Yandex Cloud.',
  options: {
    json: flag('print one line of JSON'),
    bundle: text('FILE', 'write the findings and the end of the log to a new file, without secrets'),
  },
  examples: ['iam-token doctor', 'iam-token doctor --bundle report.txt'],
  run: async (context) => (await import('../../doctor/run-doctor.ts')).runDoctor(context),
};

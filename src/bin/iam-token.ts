import { run } from '../cli/run.ts';
import { surroundingsOfProcess } from '../platform/surroundings.ts';

// All output is written by now, so nothing is lost by not waiting for the event loop to run dry.
void run(process.argv.slice(2), surroundingsOfProcess()).then((code) => process.exit(code));

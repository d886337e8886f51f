import type { MeasurementsConfig } from '../config.ts';
import { measure } from '../measurements/measure.ts';
import { MeasurementError } from '../measurements/measurement-error.ts';
import { type Check, fail, ok } from './check.ts';

/** Whether everything that is measured can be. The key is not looked at: a look would make it. */
export async function checkMeasurements(config: MeasurementsConfig): Promise<Check> {
  try {
    const { kernel, commandLine } = await measure(config);
    return ok('measurements', `kernel ${kernel.slice(0, 16)}…, command line "${commandLine.slice(0, 80)}"`);
  } catch (error) {
    if (error instanceof MeasurementError) return fail('measurements', error.message, error.advice);
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return fail('measurements', error.message, 'name files under measurements that are there');
  }
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const RULES = 'deploy/prometheus/muster.rules.yaml';

/** The alert rules as the object that prometheus-operator loads. */
export function prometheusRule(): string {
  const rules = readFileSync(join(import.meta.dirname, '../..', RULES), 'utf8');
  const groups = rules.replaceAll(/^(?=.)/gm, '  ');
  return `# Made from ${RULES} by \`npm run docs\`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: muster
  namespace: muster
  labels:
    app.kubernetes.io/name: muster
spec:
${groups}`;
}

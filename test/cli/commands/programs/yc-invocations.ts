/** A call of `yc iam create-token` in a public script, and how that script uses the token. */
export interface YcInvocation {
  /** `owner/repository path` on GitHub, or `file N` if the code index has no source. */
  readonly source: string;
  /** The original line. */
  readonly line: string;
  /** The same call as a shell script that prints the token. */
  readonly script: string;
  /** Set if `iam-token yc` does not support the call. */
  readonly unsupportedReason?: string;
}

const command = 'yc iam create-token';

/** The line sets a shell variable. */
function createVariableCase(source: string, name: string, line: string): YcInvocation {
  return { source, line, script: `${line}\nprintf '%s\\n' "$${name}"` };
}

/** The line prints the token, or pipes it to a program; the test's `docker` prints its stdin. */
function createOutputCase(source: string, line: string, script = line): YcInvocation {
  return { source, line, script };
}

/** Found in November 2026 by a search of public code; one row for each file. */
export const invocations: readonly YcInvocation[] = [
  // --- into a variable -------------------------------------------------------------------------------------
  createVariableCase(
    'timofeevAS/devops-study tf-yandexcloud/set-authdata.sh',
    'YC_TOKEN',
    `export YC_TOKEN=$(${command})`,
  ),
  createVariableCase('duskdemon/sys-29-dw init.sh', 'YC_TOKEN', `export YC_TOKEN=$(${command})`),
  createVariableCase(
    'naolshevskiy/TEST2 lesson14_IaC/README.md',
    'YC_TOKEN',
    `export YC_TOKEN=$(${command})`,
  ),
  createVariableCase(
    'romantix74/yandex_practicum_terraform_course_2024 README.md',
    'YC_TOKEN',
    `export YC_TOKEN=$(${command})`,
  ),
  createVariableCase(
    'yandex-cloud/docs ru/_includes/iam/iam-token-usage-examples.md',
    'IAM_TOKEN',
    `export IAM_TOKEN=\`${command}\``,
  ),
  createVariableCase(
    'yandex-cloud/docs en/_includes/iam/iam-token-usage-examples.md',
    'IAM_TOKEN',
    `export IAM_TOKEN=\`${command}\``,
  ),
  createVariableCase('file 65734592287', 'YC_TOKEN', `YC_TOKEN=$(${command})`),
  createVariableCase('file 14010685582', 'YC_TOKEN', `export YC_TOKEN=$(${command})`),
  createVariableCase('file 936545287', 'TF_VAR_YC_TOKEN', `export TF_VAR_YC_TOKEN="\`${command}\`"`),
  createVariableCase(
    'file 34075626933',
    'TF_VAR_token',
    `export TF_VAR_token=$(${command} | tr -d '\\r\\n')`,
  ),
  createVariableCase('file 54708441035', 'fresh_token', `fresh_token="$(${command} 2>/dev/null || true)"`),
  createVariableCase('file 57136107196', 'IAM_TOKEN', `IAM_TOKEN="$(${command} 2>/dev/null || true)"`),
  createVariableCase('file 48574881224', 'IAM_TOKEN', `IAM_TOKEN=$(${command} 2>/dev/null)`),
  {
    source: 'file 58780972354',
    line: `if IAM_TOKEN=$(${command} 2>/dev/null); then`,
    script: `if IAM_TOKEN=$(${command} 2>/dev/null); then echo "$IAM_TOKEN"; fi`,
  },
  // --- with options ----------------------------------------------------------------------------------------
  createVariableCase('file 53773371765', 'YC_TOKEN', `export YC_TOKEN=$(${command} --profile sa-profile)`),
  createOutputCase(
    'avtrokhachev/SteamItems Makefile',
    `$(eval YC_TOKEN := $(shell ${command} --profile personal))`,
    `${command} --profile personal`,
  ),
  {
    source: 'yandex-cloud/docs, file 13545119741',
    line: `export YC_TOKEN=$(${command} --impersonate-service-account-id <идентификатор_сервисного_аккаунта>)`,
    script: `${command} --impersonate-service-account-id aje0account`,
  },
  createOutputCase(
    'file 14377789530',
    `${command} --impersonate-service-account-id <sa_id>`,
    `${command} --impersonate-service-account-id aje0account`,
  ),
  createOutputCase(
    'file 70967697387',
    'IAM_TOKEN=$(yc iam create-token --folder-id ${var.folder_id})',
    `${command} --folder-id b1gfolder`,
  ),
  createVariableCase('file 447528175', 'TOKEN', `TOKEN=$(${command} --no-user-output)`),
  createOutputCase(
    'file 302303854',
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | sudo docker login --username iam --password-stdin cr.yandex`,
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | docker login --username iam --password-stdin cr.yandex`,
  ),
  createOutputCase(
    'file 349082902',
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | docker login --username iam --password-stdin cr.yandex`,
  ),
  // --- as JSON ---------------------------------------------------------------------------------------------
  createOutputCase(
    'file 6221961299',
    `yc --profile %s iam create-token --format json | jq '{iam_token, expires_at}'`,
    `yc --profile prod iam create-token --format json | jq '{iam_token, expires_at}' | jq -er .iam_token`,
  ),
  createVariableCase('file 69513049896', 'token', `token=$(${command} --format json | jq -er .iam_token)`),
  createVariableCase(
    'file 69876360603',
    'MONIUM_TOKEN',
    `MONIUM_TOKEN=\${YC_IAM_TOKEN:-$(${command} --format json | jq -er .iam_token)}`,
  ),
  createOutputCase(
    'file 47468627608',
    `os.system(f'${command} --format json > {TOKEN_PATH}')`,
    `python3 -c '
import datetime, json, os
os.system("${command} --format json > token.json")
with open("token.json") as f: d = json.load(f)
assert d["expires_at"] > "2026"
print(d["iam_token"])'`,
  ),
  createOutputCase(
    'file 59107050922',
    `command = ["yc", "iam", "create-token", "--format", "json"]\ncommand.extend(["--profile", self._profile])`,
    `yc iam create-token --format json --profile work | jq -er .iam_token`,
  ),
  createOutputCase(
    'file 54563700697',
    `const args = ['iam', 'create-token', '--format', 'json'];`,
    `yc iam create-token --format json | jq -er .iam_token`,
  ),
  // --- to a registry ---------------------------------------------------------------------------------------
  createOutputCase('file 70402752640', `${command} | docker login --username iam --password-stdin cr.yandex`),
  createOutputCase(
    'yandex-cloud/docs, file 13018667092',
    `${command} | docker login --username iam --password-stdin {{ registry }}`,
    `${command} | docker login --username iam --password-stdin cr.yandex`,
  ),
  createOutputCase(
    'file 45834509396',
    `${command} | docker login --username iam --password-stdin $(REGISTRY)`,
    `${command} | docker login --username iam --password-stdin cr.yandex`,
  ),
  createOutputCase('file 18054730041', `${command} | docker login cr.yandex -u iam --password-stdin`),
  // --- from other languages --------------------------------------------------------------------------------
  createOutputCase(
    'horseinthesky/ycloud Makefile',
    `token := $$(${command})`,
    `YC_TOKEN=$(${command}) sh -c 'echo "$YC_TOKEN"'`,
  ),
  createOutputCase('usernaimandrey/terraform-exercise Makefile', command),
  createOutputCase('razrez/face-detection README.md', `$Env:YC_TOKEN=$(${command})`, command),
  createOutputCase('yandex-cloud/docs ru/speechkit/quickstart.md', `$ ${command}`, command),
  createOutputCase(
    'file 17262424640',
    `result = subprocess.run(["yc", "iam", "create-token"], capture_output=True, text=True, check=True)`,
    `python3 -c '
import subprocess
print(subprocess.run(["yc", "iam", "create-token"], capture_output=True, text=True, check=True).stdout.strip())'`,
  ),
  createOutputCase(
    'file 67446990244',
    `subprocess.run([yc_binary, "iam", "create-token", "--no-browser", "--no-user-output"], stdin=subprocess.DEVNULL,`,
    `python3 -c '
import subprocess
print(subprocess.run(["yc", "iam", "create-token", "--no-browser", "--no-user-output"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.strip())'`,
  ),
  createOutputCase(
    'file 54986588209',
    `execFileSync("yc", ["iam", "create-token"], { encoding: "utf-8", timeout: 10000, stdio: ["pipe", "pipe", "ignore"] })`,
    `node -p '
require("child_process").execFileSync("yc", ["iam", "create-token"], { encoding: "utf-8", timeout: 10000, stdio: ["pipe", "pipe", "ignore"] }).trim()'`,
  ),
  createOutputCase(
    'file 52554338347',
    `exec.CommandContext(ctx, "yc", "iam", "create-token").Output()`,
    command,
  ),
  createOutputCase(
    'file 59903036951',
    '$token = (& yc iam create-token 2> $stderrPath | Out-String).Trim()',
    `${command} 2> said`,
  ),
  createOutputCase(
    'file 69605192212',
    '$iamToken = yc iam create-token 2>&1 | Out-String',
    `${command} 2>&1`,
  ),
  createOutputCase(
    'file 56137892802',
    `program = ["bash", "-c", "echo '{\\"token\\":\\"'$(yc iam create-token 2>/dev/null)'\\"}'"]`,
    `echo '{"token":"'$(${command} 2>/dev/null)'"}' | jq -er .token`,
  ),
  createVariableCase('ilyamirin/SignorTomato runner.sh', 'IAM_TOKEN', `export IAM_TOKEN="$(${command})"`),
  createOutputCase(
    'file 60689161665',
    'yc iam create-token --impersonate-service-account-id',
    `${command} --impersonate-service-account-id=aje0account`,
  ),
  // --- by an absolute path ---------------------------------------------------------------------------------
  {
    ...createVariableCase(
      'file 67528497212',
      'YC_TOKEN',
      `export YC_TOKEN=$(~/yandex-cloud/bin/yc iam create-token 2>/dev/null)`,
    ),
    unsupportedReason: 'it names the real yc by its path, and goes on asking that',
  },
];

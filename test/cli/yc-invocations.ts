/** A public call of `yc iam create-token`, and what the script around it makes of the answer. */
export interface Invocation {
  /** `owner/repository path` on GitHub, or `file N` where the index that it was found in tells no more. */
  readonly source: string;
  /** As it stands there. */
  readonly line: string;
  /** The same in a shell, where it is in another language or needs something filled in; prints what the script gets. */
  readonly run: string;
  /** Why ours does not answer it. */
  readonly misses?: string;
}

const command = 'yc iam create-token';

/** A variable of a shell, set as the line says. */
function variable(source: string, name: string, line: string): Invocation {
  return { source, line, run: `${line}\nprintf '%s\\n' "$${name}"` };
}

/** The line prints it, or hands it on: what a `docker` of ours is given it prints. */
function printed(source: string, line: string, run = line): Invocation {
  return { source, line, run };
}

/** Found in November 2026, by searching public code for the command; one row for each file. */
export const invocations: readonly Invocation[] = [
  // --- into a variable -------------------------------------------------------------------------------------
  variable(
    'timofeevAS/devops-study tf-yandexcloud/set-authdata.sh',
    'YC_TOKEN',
    `export YC_TOKEN=$(${command})`,
  ),
  variable('duskdemon/sys-29-dw init.sh', 'YC_TOKEN', `export YC_TOKEN=$(${command})`),
  variable('naolshevskiy/TEST2 lesson14_IaC/README.md', 'YC_TOKEN', `export YC_TOKEN=$(${command})`),
  variable(
    'romantix74/yandex_practicum_terraform_course_2024 README.md',
    'YC_TOKEN',
    `export YC_TOKEN=$(${command})`,
  ),
  variable(
    'yandex-cloud/docs ru/_includes/iam/iam-token-usage-examples.md',
    'IAM_TOKEN',
    `export IAM_TOKEN=\`${command}\``,
  ),
  variable(
    'yandex-cloud/docs en/_includes/iam/iam-token-usage-examples.md',
    'IAM_TOKEN',
    `export IAM_TOKEN=\`${command}\``,
  ),
  variable('file 65734592287', 'YC_TOKEN', `YC_TOKEN=$(${command})`),
  variable('file 14010685582', 'YC_TOKEN', `export YC_TOKEN=$(${command})`),
  variable('file 936545287', 'TF_VAR_YC_TOKEN', `export TF_VAR_YC_TOKEN="\`${command}\`"`),
  variable('file 34075626933', 'TF_VAR_token', `export TF_VAR_token=$(${command} | tr -d '\\r\\n')`),
  variable('file 54708441035', 'fresh_token', `fresh_token="$(${command} 2>/dev/null || true)"`),
  variable('file 57136107196', 'IAM_TOKEN', `IAM_TOKEN="$(${command} 2>/dev/null || true)"`),
  variable('file 48574881224', 'IAM_TOKEN', `IAM_TOKEN=$(${command} 2>/dev/null)`),
  {
    source: 'file 58780972354',
    line: `if IAM_TOKEN=$(${command} 2>/dev/null); then`,
    run: `if IAM_TOKEN=$(${command} 2>/dev/null); then echo "$IAM_TOKEN"; fi`,
  },
  // --- with options ----------------------------------------------------------------------------------------
  variable('file 53773371765', 'YC_TOKEN', `export YC_TOKEN=$(${command} --profile sa-profile)`),
  printed(
    'avtrokhachev/SteamItems Makefile',
    `$(eval YC_TOKEN := $(shell ${command} --profile personal))`,
    `${command} --profile personal`,
  ),
  {
    source: 'yandex-cloud/docs, file 13545119741',
    line: `export YC_TOKEN=$(${command} --impersonate-service-account-id <идентификатор_сервисного_аккаунта>)`,
    run: `${command} --impersonate-service-account-id aje0account`,
  },
  printed(
    'file 14377789530',
    `${command} --impersonate-service-account-id <sa_id>`,
    `${command} --impersonate-service-account-id aje0account`,
  ),
  printed(
    'file 70967697387',
    'IAM_TOKEN=$(yc iam create-token --folder-id ${var.folder_id})',
    `${command} --folder-id b1gfolder`,
  ),
  variable('file 447528175', 'TOKEN', `TOKEN=$(${command} --no-user-output)`),
  printed(
    'file 302303854',
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | sudo docker login --username iam --password-stdin cr.yandex`,
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | docker login --username iam --password-stdin cr.yandex`,
  ),
  printed(
    'file 349082902',
    `TOKEN=$(${command} --no-user-output)\necho $TOKEN | docker login --username iam --password-stdin cr.yandex`,
  ),
  // --- as JSON ---------------------------------------------------------------------------------------------
  printed(
    'file 6221961299',
    `yc --profile %s iam create-token --format json | jq '{iam_token, expires_at}'`,
    `yc --profile prod iam create-token --format json | jq '{iam_token, expires_at}' | jq -er .iam_token`,
  ),
  variable('file 69513049896', 'token', `token=$(${command} --format json | jq -er .iam_token)`),
  variable(
    'file 69876360603',
    'MONIUM_TOKEN',
    `MONIUM_TOKEN=\${YC_IAM_TOKEN:-$(${command} --format json | jq -er .iam_token)}`,
  ),
  printed(
    'file 47468627608',
    `os.system(f'${command} --format json > {TOKEN_PATH}')`,
    `python3 -c '
import datetime, json, os
os.system("${command} --format json > token.json")
with open("token.json") as f: d = json.load(f)
assert d["expires_at"] > "2026"
print(d["iam_token"])'`,
  ),
  printed(
    'file 59107050922',
    `command = ["yc", "iam", "create-token", "--format", "json"]\ncommand.extend(["--profile", self._profile])`,
    `yc iam create-token --format json --profile work | jq -er .iam_token`,
  ),
  printed(
    'file 54563700697',
    `const args = ['iam', 'create-token', '--format', 'json'];`,
    `yc iam create-token --format json | jq -er .iam_token`,
  ),
  // --- on to a registry ------------------------------------------------------------------------------------
  printed('file 70402752640', `${command} | docker login --username iam --password-stdin cr.yandex`),
  printed(
    'yandex-cloud/docs, file 13018667092',
    `${command} | docker login --username iam --password-stdin {{ registry }}`,
    `${command} | docker login --username iam --password-stdin cr.yandex`,
  ),
  printed(
    'file 45834509396',
    `${command} | docker login --username iam --password-stdin $(REGISTRY)`,
    `${command} | docker login --username iam --password-stdin cr.yandex`,
  ),
  printed('file 18054730041', `${command} | docker login cr.yandex -u iam --password-stdin`),
  // --- from other languages --------------------------------------------------------------------------------
  printed(
    'horseinthesky/ycloud Makefile',
    `token := $$(${command})`,
    `YC_TOKEN=$(${command}) sh -c 'echo "$YC_TOKEN"'`,
  ),
  printed('usernaimandrey/terraform-exercise Makefile', command),
  printed('razrez/face-detection README.md', `$Env:YC_TOKEN=$(${command})`, command),
  printed('yandex-cloud/docs ru/speechkit/quickstart.md', `$ ${command}`, command),
  printed(
    'file 17262424640',
    `result = subprocess.run(["yc", "iam", "create-token"], capture_output=True, text=True, check=True)`,
    `python3 -c '
import subprocess
print(subprocess.run(["yc", "iam", "create-token"], capture_output=True, text=True, check=True).stdout.strip())'`,
  ),
  printed(
    'file 67446990244',
    `subprocess.run([yc_binary, "iam", "create-token", "--no-browser", "--no-user-output"], stdin=subprocess.DEVNULL,`,
    `python3 -c '
import subprocess
print(subprocess.run(["yc", "iam", "create-token", "--no-browser", "--no-user-output"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.strip())'`,
  ),
  printed(
    'file 54986588209',
    `execFileSync("yc", ["iam", "create-token"], { encoding: "utf-8", timeout: 10000, stdio: ["pipe", "pipe", "ignore"] })`,
    `node -p '
require("child_process").execFileSync("yc", ["iam", "create-token"], { encoding: "utf-8", timeout: 10000, stdio: ["pipe", "pipe", "ignore"] }).trim()'`,
  ),
  printed('file 52554338347', `exec.CommandContext(ctx, "yc", "iam", "create-token").Output()`, command),
  printed(
    'file 59903036951',
    '$token = (& yc iam create-token 2> $stderrPath | Out-String).Trim()',
    `${command} 2> said`,
  ),
  printed('file 69605192212', '$iamToken = yc iam create-token 2>&1 | Out-String', `${command} 2>&1`),
  printed(
    'file 56137892802',
    `program = ["bash", "-c", "echo '{\\"token\\":\\"'$(yc iam create-token 2>/dev/null)'\\"}'"]`,
    `echo '{"token":"'$(${command} 2>/dev/null)'"}' | jq -er .token`,
  ),
  variable('ilyamirin/SignorTomato runner.sh', 'IAM_TOKEN', `export IAM_TOKEN="$(${command})"`),
  printed(
    'file 60689161665',
    'yc iam create-token --impersonate-service-account-id',
    `${command} --impersonate-service-account-id=aje0account`,
  ),
  // --- by the path of the real one -------------------------------------------------------------------------
  {
    ...variable(
      'file 67528497212',
      'YC_TOKEN',
      `export YC_TOKEN=$(~/yandex-cloud/bin/yc iam create-token 2>/dev/null)`,
    ),
    misses: 'it names the real yc by its path, and goes on asking that',
  },
];

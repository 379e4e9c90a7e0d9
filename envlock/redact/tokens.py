"""Secrets that are known by their own shape, whoever issued them."""

# ruff: noqa: E501 - an expression or a sample reads best whole

from __future__ import annotations

from typing import NamedTuple

__all__ = ["PHRASES", "TOKENS", "Rule"]


class Rule(NamedTuple):
    """
    One shape of secret.

    `keywords` are plain pieces of text without one of which the pattern is not even compiled. The
    pattern's first group is the secret, or all of the match where it has none.
    """

    kind: str
    keywords: tuple[str, ...]
    pattern: str


# The keyword is where the secret begins, and case counts. No pattern can run for longer than its
# own bounds from there, and none of these secrets is shorter than twenty characters.
# Shapes are the issuers' own, as their documentation shows them.
TOKENS = (
    # Repositories, registries and continuous integration.
    Rule("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[opsur]_[A-Za-z0-9]{30,255}"),
    Rule("github-token", ("github_pat_",), r"github_pat_\w{22,255}"),
    Rule(
        "gitlab-token",
        ("glpat-", "gldt-", "glrt-", "glrtr-", "glptt-", "glft-", "glcbt-", "glimt-"),
        r"gl[a-z]{2,5}-[\w.=-]{20,300}",
    ),
    Rule(
        "gitlab-token",
        ("glsoat-", "glagent-", "gloas-", "glffct-", "glwt-"),
        r"gl[a-z]{2,5}-[\w.=-]{20,300}",
    ),
    Rule("gitlab-token", ("GR1348941",), r"GR1348941[\w-]{20,50}"),
    Rule("bitbucket-token", ("ATBB",), r"ATBB[A-Za-z0-9_=.-]{24,250}"),
    Rule("atlassian-token", ("ATATT3", "ATCTT3"), r"AT[AC]TT3[\w=-]{40,400}"),
    Rule("npm-token", ("npm_",), r"npm_[A-Za-z0-9]{30,100}"),
    Rule("pypi-token", ("pypi-Ag",), r"pypi-Ag[\w-]{40,1000}"),
    Rule("rubygems-token", ("rubygems_",), r"rubygems_[0-9a-f]{48}"),
    Rule("nuget-token", ("oy2",), r"oy2[a-z0-9]{43}(?![A-Za-z0-9])"),
    Rule("docker-token", ("dckr_pat_", "dckr_oat_"), r"dckr_[op]at_[\w-]{20,100}"),
    Rule("artifactory-token", ("AKCp",), r"AKCp[A-Za-z0-9]{50,100}"),
    Rule("artifactory-token", ("cmVmdGtu",), r"cmVmdGtu[A-Za-z0-9]{40,100}"),
    Rule("circleci-token", ("CCIPAT_", "CCIPRJ_"), r"CCIP(?:AT|RJ)_[A-Za-z0-9_]{30,100}"),
    Rule("buildkite-token", ("bkua_",), r"bkua_[0-9a-f]{40}"),
    Rule("sonar-token", ("sqp_", "squ_", "sqa_"), r"sq[apu]_[0-9a-f]{40}"),
    Rule("sourcegraph-token", ("sgp_",), r"sgp_(?:[A-Za-z0-9]{1,16}_)?[0-9a-f]{40}"),
    # Clouds, hosting and infrastructure.
    Rule(
        "aws-access-key-id", ("AKIA", "ASIA", "ABIA", "ACCA"), r"A(?:KI|SI|BI|CC)A[A-Z0-9]{16}(?![A-Za-z0-9])"
    ),
    Rule("google-api-key", ("AIza",), r"AIza[\w-]{30,50}"),
    Rule("google-oauth-token", ("ya29.",), r"ya29\.[\w.-]{20,2000}"),
    Rule("google-oauth-token", ("1//0",), r"1//0[\w-]{40,250}"),
    Rule("google-client-secret", ("GOCSPX-",), r"GOCSPX-[\w-]{20,60}"),
    Rule("alibaba-access-key", ("LTAI",), r"LTAI[A-Za-z0-9]{16,24}(?![A-Za-z0-9])"),
    Rule("digitalocean-token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[0-9a-f]{64}"),
    Rule("databricks-token", ("dapi",), r"dapi[0-9a-h]{32}(?![0-9a-z])(?:-\d)?"),
    Rule("heroku-key", ("HRKU-",), r"HRKU-[\w-]{30,100}"),
    Rule("vault-token", ("hvs.", "hvb.", "hvr."), r"hv[brs]\.[\w-]{20,300}"),
    Rule(
        "doppler-token",
        ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim.", "dp.audit."),
        r"dp\.[a-z]{2,5}\.[\w.-]{40,60}",
    ),
    Rule("pulumi-token", ("pul-",), r"pul-[0-9a-f]{40}"),
    Rule("fly-token", ("fm1_", "fm2_", "fo1_"), r"f[mo][12]_[\w+/=,-]{40,2000}"),
    Rule("netlify-token", ("nfp_",), r"nfp_[A-Za-z0-9_]{36,60}"),
    Rule("supabase-token", ("sbp_", "sb_secret_"), r"sb(?:p_[0-9a-f]{40}|_secret_[\w-]{20,60})"),
    Rule("planetscale-token", ("pscale_",), r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,64}"),
    Rule("openshift-token", ("sha256~",), r"sha256~[\w-]{43}"),
    Rule("tailscale-key", ("tskey-",), r"tskey-[a-z]{3,10}-[\w-]{20,80}"),
    Rule("dynatrace-token", ("dt0c01.", "dt0s"), r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Rule("onepassword-token", ("ops_eyJ",), r"ops_eyJ[\w+/=-]{100,2000}"),
    Rule("age-key", ("AGE-SECRET-KEY-1",), r"AGE-SECRET-KEY-1[0-9A-Z]{50,70}"),
    # Models, data and experiments.
    Rule("huggingface-token", ("hf_",), r"hf_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])"),
    Rule("huggingface-token", ("api_org_",), r"api_org_[A-Za-z0-9]{30,64}"),
    Rule(
        "openai-key",
        ("sk-",),
        r"sk-(?:(?:proj|svcacct|admin|None|or|lf|org)-[\w-]{20,300}|[A-Za-z0-9]{32,128})",
    ),
    Rule("anthropic-key", ("sk-ant-",), r"sk-ant-[\w-]{20,300}"),
    Rule("groq-key", ("gsk_",), r"gsk_[A-Za-z0-9]{40,80}"),
    Rule("xai-key", ("xai-",), r"xai-[A-Za-z0-9_]{60,120}"),
    Rule("replicate-token", ("r8_",), r"r8_[A-Za-z0-9]{36,44}"),
    Rule("perplexity-key", ("pplx-",), r"pplx-[A-Za-z0-9]{40,64}"),
    Rule("nvidia-key", ("nvapi-",), r"nvapi-[\w-]{40,100}"),
    Rule("langsmith-key", ("lsv2_",), r"lsv2_(?:pt|sk)_[0-9a-f]{32}(?:_[0-9a-f]{10})?"),
    Rule("pinecone-key", ("pcsk_",), r"pcsk_[A-Za-z0-9_]{40,100}"),
    Rule("wandb-key", ("wandb_v1_",), r"wandb_v1_[\w-]{40,120}"),
    Rule("kaggle-token", ("KGAT_",), r"KGAT_[A-Za-z0-9]{24,64}"),
    Rule("airtable-token", ("pat",), r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    Rule("prefect-key", ("pnu_", "pnb_"), r"pn[bu]_[A-Za-z0-9]{32,40}"),
    # Services.
    Rule("slack-token", ("xox",), r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9%-]{16,500}"),
    Rule("slack-token", ("xapp-",), r"xapp-\d-[A-Za-z0-9-]{20,200}"),
    Rule(
        "slack-webhook",
        ("hooks.slack.com",),
        r"hooks\.slack\.com\\?/(?:services|workflows|triggers)((?:\\?/[\w-]{6,}){2,5})",
    ),
    Rule(
        "discord-webhook",
        ("discord.com", "discordapp.com"),
        r"discord(?:app)?\.com\\?/api\\?/webhooks\\?/(\d{15,22}\\?/[\w-]{40,100})",
    ),
    Rule(
        "teams-webhook", ("webhook.office.com",), r"webhook\.office\.com\\?/(webhookb2\\?/[\w@\\/-]{40,300})"
    ),
    Rule(
        "stripe-key",
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_"),
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}",
    ),
    Rule("stripe-key", ("whsec_",), r"whsec_[A-Za-z0-9+/]{24,100}={0,2}"),
    Rule("shopify-token", ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    Rule("square-token", ("sq0atp-", "sq0csp-", "sq0idp-"), r"sq0(?:atp|csp|idp)-[\w-]{20,64}"),
    Rule("sendgrid-key", ("SG.",), r"SG\.[\w-]{16,64}\.[\w-]{16,100}"),
    Rule("brevo-key", ("xkeysib-", "xsmtpsib-"), r"x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    Rule("twilio-key", ("SK",), r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    Rule("newrelic-key", ("NRAK-", "NRJS-", "NRII-", "NRRA-"), r"NR(?:AK|JS|II|RA)-[\w-]{19,60}"),
    Rule(
        "grafana-token",
        ("glc_", "glsa_", "eyJrIjoi"),
        r"(?:glc_[A-Za-z0-9+/]{30,400}|glsa_\w{32,60}|eyJrIjoi[A-Za-z0-9+/]{50,400})={0,2}",
    ),
    Rule("sentry-token", ("sntrys_", "sntryu_"), r"sntry[su]_[\w+/=-]{40,500}"),
    Rule("linear-key", ("lin_api_", "lin_oauth_"), r"lin_(?:api|oauth)_[A-Za-z0-9]{32,80}"),
    Rule("postman-key", ("PMAK-",), r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Rule(
        "notion-token",
        ("ntn_", "secret_"),
        r"(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})(?![A-Za-z0-9_])",
    ),
    Rule("figma-token", ("figd_", "figo_", "figu_"), r"fig[dou]_[\w-]{36,60}"),
    Rule("dropbox-token", ("sl.",), r"sl\.(?:u\.)?[\w-]{100,2000}"),
    Rule("facebook-token", ("EAACEdEose0cBA",), r"EAACEdEose0cBA[A-Za-z0-9]{10,300}"),
    Rule(
        "json-web-token",
        ("eyJ",),
        r"eyJ[\w-]{8,2048}\.(?:eyJ[\w-]{4,8192}\.[\w-]{0,2048}|[\w-]{0,2048}\.[\w-]{4,2048}\.[\w-]{8,8192}\.[\w-]{4,512})",
    ),
)

_SPACE = r"(?:\s|\\[nrt])"
_QUOTE = r"\\*[\"'`]?"
# Where a word begins, also behind an escape, a colour or the length of a string in a pickle.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[abfnrtv0])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2})|(?<=[\d\[]m)|(?<=[\x80-\xff].)|(?<=\nV))"

# The keyword only says that a search is worth while; its case counts where it has capitals.
PHRASES = (
    Rule(
        "private-key",
        ("private key",),
        r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!----)){16,65536}-----END [A-Z0-9 ]{0,48}-----|(?:[A-Za-z0-9+/=\s]|\\+[nr]){16,65536})",
    ),
    Rule(
        "terraform-token",
        (".atlasv1.",),
        rf"(?=[A-Za-z0-9]{{14}}\.atlasv1){_START}[A-Za-z0-9]{{14}}\.atlasv1\.[\w=-]{{50,100}}",
    ),
    Rule(
        "private-key",
        ("private-lines:",),
        r"Private-Lines: \d{1,3}((?:(?:\r?\n|\\+[nr])+[A-Za-z0-9+/=]{20,76}){1,200})",
    ),
    Rule("azure-client-secret", ("q~",), r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}(?![\w~-])"),
    Rule(
        "telegram-token", (":AA",), rf"(?=\d{{8,10}}:AA){_START}\d{{8,10}}:AA[A-Za-z0-9_-]{{32,34}}(?![\w-])"
    ),
    Rule(
        "discord-token",
        ("discord",),
        r"(?<![\w-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![\w-])",
    ),
    Rule("mailchimp-key", ("-us",), rf"(?=[0-9a-f]{{32}}-us){_START}[0-9a-f]{{32}}-us\d{{1,2}}(?![\w-])"),
    Rule(
        "mailgun-key",
        ("mailgun",),
        r"(?<![\w-])(?:key-[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})(?![\w-])",
    ),
    Rule("facebook-token", ("facebook",), r"(?<![\w+/])EAA[A-Z][A-Za-z0-9]{90,400}(?![\w+/=])"),
    Rule(
        "kaggle-key",
        ("username",),
        rf"(?i)username{_QUOTE}\s*:\s*{_QUOTE}[\w.-]{{1,64}}{_QUOTE}\s*,\s*{_QUOTE}key{_QUOTE}\s*:\s*{_QUOTE}([0-9a-f]{{32}})",
    ),
    Rule(
        "wandb-key",
        ("wandb",),
        r"(?i)wandb(?:\.login\([^)\n]{0,100}?key\s{0,4}=\s{0,4}\\*[\"']|[ \t]+login[ \t]+(?:--\w+[ \t]+){0,3})([0-9a-f]{40})",
    ),
    Rule(
        "netrc",
        ("machine", "default login"),
        rf"(?i)(?:machine{_SPACE}+[^\s\\]{{1,255}}|default){_SPACE}+(?:login{_SPACE}+[^\s\\]{{1,255}}{_SPACE}+)?(?:account{_SPACE}+[^\s\\]{{1,255}}{_SPACE}+)?password{_SPACE}+([^\s\\\"']{{3,255}})",
    ),
    Rule(
        "command-line-password",
        ("login", "mysql", "mariadb", "sshpass"),
        r"(?<![\w-])(?:login|mysql\w{0,8}|mariadb|sshpass)[ \t][^\n\\]{0,100}?"
        r"(?<=[ \t])-p[ =]?\\*[\"']?([^\s\"'\\$<{(=:;,-][^\s\"'\\<>]{4,128})",
    ),
    Rule(
        "command-line-password",
        ("curl", "wget", "--user"),
        r"(?:[ \t]-u[ \t]?|--(?:proxy-)?user[ =])\\*[\"']?[^\s:\"'\\$]{1,64}:([^\s\"'\\$<{/][^\s\"'\\]{3,128})",
    ),
    Rule("bearer-token", ("bearer",), r"(?i)bearer(?:\s|%20|\+){1,4}([A-Za-z0-9_.~+/-]{16,4096}={0,2})"),
    Rule(
        "authorization",
        ("authorization",),
        r"(?i)\bauthorization\\*[\"']?\]?\s{0,4}[:=,]\s{0,4}\\*[\"']?(?:token|apikey|digest|key|aws4\S{0,20})\s{1,4}\\*[\"']?([A-Za-z0-9_.~+/=-]{16,4096})",
    ),
    Rule("basic-auth", ("basic",), r"(?i)\bbasic\s{1,4}([A-Za-z0-9+/_-]{6,1024}={0,2})"),
    Rule(
        "basic-auth",
        ("auth",),
        r"(?i)(?<![a-z0-9])_?auth\\*[\"']?\s{0,4}[:=]\s{0,4}\\*[\"']?([A-Za-z0-9+/]{6,1024}={0,2})(?![A-Za-z0-9+/=.(])",
    ),
    Rule(
        "signed-url",
        ("sig=", "signature=", "x-amz-", "x-goog-"),
        r"(?i)(?:(?<=[?&;,\s\"'])|(?<=u0026)|(?<=amp%3B)|(?<=%26)|(?<=%3F))"
        r"(?:sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|key-pair-id)"
        r"=([A-Za-z0-9%+/=_.~@-]{10,4096})",
    ),
)

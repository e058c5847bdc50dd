<?php
// What every wiki of the co-op is set to, whatever its owners set in the wiki. What people typed comes as data.

// DokuWiki's pages take title and tagline for HTML. Everything else that shows them takes them for text.
$isPage = !in_array(basename($_SERVER['SCRIPT_NAME'] ?? ''), ['feed.php', 'manifest.php', 'opensearch.php'], true);
foreach (['title', 'tagline'] as $name) {
    $conf[$name] = $isPage ? htmlspecialchars(COOP_SETTINGS[$name], ENT_NOQUOTES) : COOP_SETTINGS[$name];
}
$conf['lang'] = COOP_SETTINGS['language'];
$conf['license'] = COOP_SETTINGS['licence'];

$conf['savedir'] = COOP_WIKI . '/data';
foreach (['data' => 'pages', 'media' => 'media', 'meta' => 'meta', 'mediameta' => 'media_meta', 'cache' => 'cache',
    'index' => 'index', 'lock' => 'locks', 'tmp' => 'tmp', 'log' => 'log', 'old' => 'attic', 'mediaold' => 'media_attic',
] as $name => $folder) {
    $conf[$name . 'dir'] = COOP_WIKI . '/data/' . $folder;
}
$conf['dmode'] = 0700;
$conf['fmode'] = 0600;

$conf['baseurl'] = COOP_SETTINGS['url'];
$conf['basedir'] = '/';
$conf['cookiedir'] = '/';
$conf['userewrite'] = 0;
$conf['securecookie'] = 1;

$conf['useacl'] = 1;
$conf['authtype'] = 'coopsignon';
$conf['superuser'] = '@owner';
$conf['manager'] = '@owner';
$conf['defaultgroup'] = 'nobody';
$conf['disableactions'] = 'register,resendpwd,profile,profile_delete';
$conf['remote'] = 0;

// No code of people's own, and nobody outside is called.
$conf['phpok'] = 0;
$conf['htmlok'] = 0;
$conf['allowdebug'] = 0;
$conf['im_convert'] = '';
$conf['fetchsize'] = 0;
$conf['updatecheck'] = 0;
$conf['sitemap'] = 0;
$conf['dnslookups'] = 0;
$conf['subscribers'] = 0;
$conf['notify'] = '';
$conf['registernotify'] = '';

<?php
// What every wiki of the co-op is set to. What people typed comes as data, from settings.json.
$conf['title'] = COOP_SETTINGS['title'];
$conf['tagline'] = COOP_SETTINGS['tagline'];
$conf['lang'] = COOP_SETTINGS['language'];
$conf['license'] = COOP_SETTINGS['licence'];
$conf['savedir'] = COOP_WIKI . '/data';
$conf['useacl'] = 1;
$conf['authtype'] = 'coopgateway';
$conf['superuser'] = '@owner';
$conf['defaultgroup'] = 'nobody';
$conf['disableactions'] = 'register,resendpwd,profile,profile_delete';
$conf['updatecheck'] = 0;
$conf['userewrite'] = 0;
$conf['dmode'] = 0700;
$conf['fmode'] = 0600;
$conf['allowdebug'] = 0;
$conf['fetchsize'] = 0;
$conf['notify'] = '';
$conf['baseurl'] = COOP_SETTINGS['url'];
$conf['basedir'] = '/';
$conf['securecookie'] = 1;
